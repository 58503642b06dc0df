import { z } from 'zod'
import { servingPrecisions } from '../../model/quantized-weights.ts'

/** The precision of predictions. `auto` chooses int8 on the CPU if the drift of the base is small. */
export const precisionRequest = z.enum(['auto', ...servingPrecisions])
export type PrecisionRequest = z.infer<typeof precisionRequest>

/** How predictions in int8 differ from those in f32. */
export const drift = z.strictObject({
  texts: z.int().describe('The number of texts that were compared.'),
  largest_change: z.number().describe('The largest change of a probability.'),
  mean_change: z.number().describe('The mean change of the probability that changed most, over the texts.'),
  flipped: z.int().describe('The number of texts whose label changed.'),
})
export type Drift = z.infer<typeof drift>
