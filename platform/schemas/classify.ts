import { z } from 'zod'
import { only, problem, reference, text } from './common.ts'

export const MAX_INPUTS = 256
/** Inputs times adapters, at most, in one request. */
export const MAX_ANSWERS = 1024

const adapterId = reference('an adapter')

export const classifyInput = z.union([text, only({ text, adapter: adapterId.optional() })], {
  error: 'a text, or an object with text and adapter',
})

export const classifyRequest = only({
  inputs: z
    .array(classifyInput, { error: 'a list of texts' })
    .min(1, 'at least one text')
    .max(MAX_INPUTS, `at most ${MAX_INPUTS} texts`)
    .describe('the texts, or objects that name an adapter each'),
  adapter: adapterId
    .optional()
    .describe('answers every text that names none; needed where several adapters are served'),
  adapters: z
    .array(adapterId, { error: 'a list of ids or names of adapters' })
    .min(1, 'at least one adapter')
    .max(MAX_ANSWERS, `at most ${MAX_ANSWERS} adapters`)
    .optional()
    .describe('each answers every text; the results are a list a text, in this order'),
}).superRefine(({ inputs, adapter, adapters }, context) => {
  if (!adapters) return
  const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
  const twice = adapters.findIndex((id, i) => adapters.indexOf(id) < i)
  const own = inputs.findIndex((input) => typeof input === 'object' && input.adapter !== undefined)
  if (adapter !== undefined) refuse(['adapter'], 'either adapter or adapters')
  else if (own >= 0) refuse(['inputs', own, 'adapter'], 'no adapter of its own, where adapters is given')
  else if (twice >= 0) refuse(['adapters', twice], 'each adapter once')
  else if (inputs.length * adapters.length > MAX_ANSWERS)
    refuse(['adapters'], `at most ${MAX_ANSWERS} answers, texts times adapters`)
})
export type ClassifyRequest = z.infer<typeof classifyRequest>

export const answeredBy = z.strictObject({
  adapter: z.string().describe('name of the adapter'),
  digest: z.string().describe('SHA-256 of the weights that answered'),
})
export const prediction = z.strictObject({
  label: z.string(),
  score: z.number().min(0).max(1).describe('probability of the label'),
  scores: z.record(z.string(), z.number()).describe('probability of each label'),
  tokens: z.int().describe('tokens that were read'),
  truncated: z.boolean().describe('the text was longer than what was read'),
})
const failure = z.strictObject({ error: problem })
export const classifyResult = z.union([prediction, failure])
export type ClassifyResult = z.infer<typeof classifyResult>

export const classifyAnswer = z.union([
  z.strictObject({ results: z.array(classifyResult), ...answeredBy.shape }),
  z.strictObject({ results: z.array(z.array(classifyResult)), adapters: z.array(answeredBy) }),
  z.strictObject({
    results: z.array(z.union([prediction.extend(answeredBy.shape), failure.extend(answeredBy.shape)])),
    ...answeredBy.partial().shape,
  }),
])
export type ClassifyAnswer = z.infer<typeof classifyAnswer>
