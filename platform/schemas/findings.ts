import { z } from 'zod'
import { findingCodes } from '../../training/findings.ts'

/** Something about data or a training that a user should know, although it is not an error. */
export const finding = z.strictObject({
  code: z.enum(findingCodes),
  level: z.enum(['note', 'warning']),
  message: z.string().describe('What was found.'),
  count: z.int().describe('The number of reviews, labels or steps.'),
  share: z.number().optional().describe('Their share, from 0 to 1.'),
  fix: z.string().describe('What to do.'),
})
