import type { Tool } from './tool.ts'
import { classifyReviews } from './tools/classify-reviews.ts'
import { compareAdapters } from './tools/compare-adapters.ts'
import { countParameters } from './tools/count-parameters.ts'
import { launchTraining } from './tools/launch-training.ts'
import { listAdapters, listDatasets } from './tools/lists.ts'
import { cancelTraining, getTraining } from './tools/trainings.ts'

/** All tools, in the order in which an agent is likely to need them. To add one, see docs/extending.md. */
export const tools: readonly Tool[] = [
  listDatasets,
  listAdapters,
  countParameters,
  launchTraining,
  getTraining,
  cancelTraining,
  classifyReviews,
  compareAdapters,
]
