import { z } from 'zod'

export const allowPipelinesFlag = z
  .boolean()
  .default(false)
  .describe(
    'Allow comparisons with pipelines: text classifiers that are downloaded from the hub and need the package @huggingface/transformers.',
  )
