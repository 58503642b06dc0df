/** Bounds on what a file of reviews may become when it is read. */
export interface DataLimits {
  rows: number
  /** The bytes of a line, and the characters of a row of several lines. */
  rowBytes: number
  /** The bytes of the file after decompression. */
  bytes: number
  /** Decompressed bytes that any file may have. For those beyond, the file itself needs one byte for each `ratio`. */
  freeBytes: number
  ratio: number
}

/** The limits of a file on the reader's own machine: only those on a row, which is kept in memory. */
export const LOCAL_LIMITS: DataLimits = {
  rows: Number.POSITIVE_INFINITY,
  rowBytes: 2 ** 24,
  bytes: Number.POSITIVE_INFINITY,
  freeBytes: Number.POSITIVE_INFINITY,
  ratio: 1,
}

/** The limits of an uploaded file. Texts of 200,000 characters fit in a row even if JSON escapes each of them. */
export const UPLOAD_LIMITS: DataLimits = {
  rows: 5_000_000,
  rowBytes: 2 ** 21,
  bytes: 2 ** 30,
  freeBytes: 2 ** 26,
  ratio: 20,
}

/** Returns the largest number of bytes that a file of this size may have after decompression. */
export const maxContentBytes = ({ bytes, freeBytes, ratio }: DataLimits, fileBytes: number): number =>
  Math.min(bytes, freeBytes + ratio * fileBytes)
