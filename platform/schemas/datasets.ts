import { z } from 'zod'
import { dataFormats, readingFields } from '../../training/data/reading.ts'
import { digest, pageOf, resourceName, timestamp, uuid } from './common.ts'
import { finding } from './findings.ts'

/** The rows of a file that were not read. */
const skippedRows = z.strictObject({
  rows: z.int(),
  reasons: z
    .array(z.strictObject({ reason: z.string(), rows: z.int(), lines: z.array(z.int()) }))
    .describe('The reasons, the most frequent first, with their first lines.'),
})

/** How a file was read. */
export const fileReading = z.strictObject({
  columns: z
    .strictObject({ text: z.string(), label: z.string().optional() })
    .optional()
    .describe('The columns that were read, by name, number or path. Not set if the format does not name them.'),
  encoding: z.string().describe('The encoding of the file: utf-8, utf-16le, utf-16be or windows-1252.'),
  skipped: skippedRows.describe('The rows that were not read.'),
})

export type FileReading = z.infer<typeof fileReading>

export const dataset = z.strictObject({
  id: uuid,
  name: z.string(),
  filename: z.string().optional().describe('The name of the uploaded file, if it is known.'),
  digest: digest.describe('SHA-256 of the uploaded file.'),
  bytes: z.int(),
  format: z.enum(dataFormats),
  rows: z.int(),
  labels: z.record(z.string(), z.int()).describe('The number of reviews of each label.'),
  duplicates: z.int().describe('The number of texts that occur more than once.'),
  ...fileReading.shape,
  findings: z
    .array(finding)
    .optional()
    .describe('What to know before a training. Not set in lists. The plan of a training has more, which need a base.'),
  created_at: timestamp,
})
export type Dataset = z.infer<typeof dataset>

export const datasetList = pageOf(dataset)
export type DatasetList = z.infer<typeof datasetList>

/** The contents of a file, before it is stored. */
export const datasetCheck = z.strictObject({
  format: z.enum(dataFormats),
  rows: z.int(),
  labels: z.record(z.string(), z.int()).describe('The number of reviews of each label.'),
  duplicates: z.int().describe('The number of texts that occur more than once.'),
  ...fileReading.shape,
  characters: z
    .strictObject({ shortest: z.int(), median: z.int(), p90: z.int(), longest: z.int() })
    .describe('The lengths of the reviews, in characters. Nine in ten are not longer than p90.'),
  examples: z
    .array(z.strictObject({ text: z.string(), label: z.string() }))
    .describe('The first reviews as they are read. Long texts are cut.'),
  findings: z.array(finding).describe('What to know before a training.'),
})
export type DatasetCheck = z.infer<typeof datasetCheck>

/** How the file of a new data set is read. */
export const datasetReading = z.strictObject(readingFields)
export type DatasetReading = z.infer<typeof datasetReading>

export const datasetUpload = z.strictObject({
  name: resourceName.describe('The name of the new data set.'),
  dry_run: z
    .boolean('true or false')
    .default(false)
    .describe('If true, reads the file and returns what it contains, but stores nothing.'),
  ...datasetReading.shape,
})
