import { readingFields } from '../training/data/reading.ts'

/** The flags that choose the columns of a file. */
export const columnFlags = { text_column: readingFields.text_column, label_column: readingFields.label_column }
