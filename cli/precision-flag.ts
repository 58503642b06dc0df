import { precisionRequest } from '../platform/schemas/precisions.ts'

/** The precision of a command that predicts. */
export const precisionFlag = precisionRequest
  .default('f32')
  .describe(
    'Precision of the products with the weights. int8 is faster and needs the CPU; auto chooses it if it changes little on the sample texts.',
  )
