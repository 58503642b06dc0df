import { z } from 'zod'

export const allowPipelinesFlag = z
  .boolean()
  .default(false)
  .describe(
    'Allow comparisons with pipelines: text classifiers that are downloaded from the hub and need the package @huggingface/transformers.',
  )

/** Limits what a client can make a worker download. */
export const pipelineMibFlag = z
  .int()
  .positive()
  .default(2048)
  .describe('Most MiB to download for one pipeline of a comparison.')

export const MEBIBYTE = 2 ** 20
