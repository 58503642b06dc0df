import type { Tool } from './tool.ts'
import { addDataset } from './tools/add-dataset.ts'
import { classifyReviews } from './tools/classify-reviews.ts'
import { compareAdapters } from './tools/compare-adapters.ts'
import { countParameters } from './tools/count-parameters.ts'
import { evaluateAdapter } from './tools/evaluate-adapter.ts'
import { explainReview } from './tools/explain-review.ts'
import { launchTraining } from './tools/launch-training.ts'
import { listAdapters, listBases, listDatasets, listTrainings } from './tools/lists.ts'
import { promoteAdapter } from './tools/promote-adapter.ts'
import { cancelTraining, getTraining } from './tools/trainings.ts'

/** All tools, in the order in which an agent is likely to need them. To add one, see docs/extending.md. */
export const tools: readonly Tool[] = [
  listDatasets,
  addDataset,
  listAdapters,
  listBases,
  countParameters,
  launchTraining,
  listTrainings,
  getTraining,
  cancelTraining,
  classifyReviews,
  explainReview,
  evaluateAdapter,
  compareAdapters,
  promoteAdapter,
]
