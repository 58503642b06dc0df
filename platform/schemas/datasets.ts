import { z } from 'zod'
import { digest, pageOf, resourceName, timestamp, uuid } from './common.ts'

/** The formats of a data set's file. Each may be compressed by gzip. */
export const datasetFormats = ['jsonl', 'csv'] as const

export const dataset = z.strictObject({
  id: uuid,
  name: z.string(),
  filename: z.string().optional().describe('The name of the uploaded file, if it is known.'),
  digest: digest.describe('SHA-256 of the uploaded file.'),
  bytes: z.int(),
  format: z.enum(datasetFormats),
  rows: z.int(),
  labels: z.record(z.string(), z.int()).describe('The number of reviews of each label.'),
  duplicates: z.int().describe('The number of texts that occur more than once.'),
  created_at: timestamp,
})
export type Dataset = z.infer<typeof dataset>

export const datasetList = pageOf(dataset)
export type DatasetList = z.infer<typeof datasetList>

export const datasetUpload = z.strictObject({ name: resourceName.describe('The name of the new data set.') })
