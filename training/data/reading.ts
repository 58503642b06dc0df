import { z } from 'zod'

/** The formats that are read. `json` is a document, such as an array of objects. */
export const dataFormats = ['jsonl', 'json', 'csv', 'tsv', 'fasttext'] as const
export type DataFormat = (typeof dataFormats)[number]

const column = z.string().min(1).max(200)

/** The largest share of the rows of a file that may be skipped, unless `max_skipped` sets another one. */
export const DEFAULT_MAX_SKIPPED = 0.1

/** The settings that say how a file of reviews is read. The command line, requests and stored data sets share them. */
export const readingFields = {
  text_column: column
    .describe(
      'The column of the texts: its name, its number from 1, or a path such as review.text in nested JSON. Defaults to text, review, sentence, content, body or comment.',
    )
    .optional(),
  label_column: column
    .describe(
      'The column of the labels, as in text_column. Defaults to label, sentiment, target, class, category or rating.',
    )
    .optional(),
  skip_bad: z.boolean().describe('Skips rows that cannot be read, and reports how many and why.').optional(),
  max_skipped: z
    .number()
    .min(0)
    .max(1)
    .describe(
      `The largest share of the rows that skip_bad may skip. Defaults to ${DEFAULT_MAX_SKIPPED}; 1 allows any share.`,
    )
    .optional(),
}

/** How a file of reviews is read, as its owner requested it. */
export type Reading = z.infer<z.ZodObject<typeof readingFields>>

/** Returns the settings of reading among those of something else. */
export function readingOf({ text_column, label_column, skip_bad, max_skipped }: Reading): Reading {
  return {
    ...(text_column !== undefined && { text_column }),
    ...(label_column !== undefined && { label_column }),
    ...(skip_bad && { skip_bad }),
    ...(max_skipped !== undefined && { max_skipped }),
  }
}
