import { z } from 'zod'
import { digest, newName, pageOf, timestamp, uuid } from './common.ts'

/** What a data set's file may be; either of them gzipped, too. */
export const datasetFormats = ['jsonl', 'csv'] as const

export const dataset = z.strictObject({
  id: uuid,
  name: z.string(),
  filename: z.string().optional().describe('of the file that was uploaded, where that was told'),
  digest: digest.describe('SHA-256 of the file as it was uploaded'),
  bytes: z.int(),
  format: z.enum(datasetFormats),
  rows: z.int(),
  labels: z.record(z.string(), z.int()).describe('how many reviews bear each label'),
  duplicates: z.int().describe('texts that occur more than once'),
  created_at: timestamp,
})
export type Dataset = z.infer<typeof dataset>

export const datasetList = pageOf(dataset)
export type DatasetList = z.infer<typeof datasetList>

export const datasetUpload = z.strictObject({ name: newName.describe('the name that it shall bear') })
