import { z } from 'zod'
import { exactObject, idOrName, problem, text } from './common.ts'

export const MAX_INPUTS = 256
/** The maximum number of characters of a text: a book's chapter is shorter, and no adapter reads more of it. */
export const MAX_TEXT_CHARACTERS = 200_000
/** The maximum number of predictions in one request: inputs times adapters. */
export const MAX_PREDICTIONS = 1024

const adapterId = idOrName('an adapter')

export const classifyInput = z.union([text, exactObject({ text, adapter: adapterId.optional() })], {
  error: 'a text, or an object with text and adapter',
})
export type ClassifyInput = z.infer<typeof classifyInput>

export const classifyRequest = exactObject({
  inputs: z
    .array(classifyInput, { error: 'a list of texts' })
    .min(1, 'at least one text')
    .max(MAX_INPUTS, `at most ${MAX_INPUTS} texts`)
    .describe('Texts, or objects that each name an adapter.'),
  adapter: adapterId
    .optional()
    .describe('The adapter for texts that do not name one. Required if several adapters are served.'),
  adapters: z
    .array(adapterId, { error: 'a list of adapter ids or names' })
    .min(1, 'at least one adapter')
    .max(MAX_PREDICTIONS, `at most ${MAX_PREDICTIONS} adapters`)
    .optional()
    .describe('Adapters that each classify every text. The results of each text are a list in this order.'),
}).superRefine(({ inputs, adapter, adapters }, context) => {
  if (!adapters) return
  const addIssue = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
  const repeated = adapters.findIndex((id, i) => adapters.indexOf(id) < i)
  const withAdapter = inputs.findIndex((input) => typeof input === 'object' && input.adapter !== undefined)
  if (adapter !== undefined) addIssue(['adapter'], 'no adapter, because adapters is set')
  else if (withAdapter >= 0) addIssue(['inputs', withAdapter, 'adapter'], 'no adapter, because adapters is set')
  else if (repeated >= 0) addIssue(['adapters', repeated], 'each adapter once')
  else if (inputs.length * adapters.length > MAX_PREDICTIONS)
    addIssue(['adapters'], `at most ${MAX_PREDICTIONS} predictions (texts times adapters)`)
})
export type ClassifyRequest = z.infer<typeof classifyRequest>

/** Returns how many texts an engine has to classify: each text once for each adapter. */
export const countTexts = ({ inputs, adapters }: ClassifyRequest): number => inputs.length * (adapters?.length ?? 1)

/** Returns the characters of all texts. A text is tokenized once, however many adapters classify it. */
export const countCharacters = ({ inputs }: ClassifyRequest): number =>
  inputs.reduce((sum, input) => sum + (typeof input === 'string' ? input : input.text).length, 0)

export const answeredBy = z.strictObject({
  adapter: z.string().describe('The name of the adapter.'),
  digest: z.string().describe('SHA-256 of the weights that made the prediction.'),
})
export const prediction = z.strictObject({
  label: z.string(),
  score: z.number().min(0).max(1).describe('The probability of the label, at the temperature of the adapter.'),
  scores: z.record(z.string(), z.number()).describe('The probability of each label.'),
  tokens: z.int().describe('The number of tokens that were read.'),
  truncated: z.boolean().describe('Whether the text was too long and only a part was read.'),
  warning: z
    .string()
    .optional()
    .describe('A reason not to trust the label. Set if most of the text is unknown to the base.'),
})
export const failedPrediction = z.strictObject({ error: problem })
export const classifyResult = z.union([prediction, failedPrediction])
export type ClassifyResult = z.infer<typeof classifyResult>

/** The answer of one adapter to all texts. */
export const adapterAnswer = z.strictObject({ results: z.array(classifyResult), ...answeredBy.shape })

/** The answers of several adapters to all texts: one list for each text. */
export const adaptersAnswer = z.strictObject({
  results: z.array(z.array(classifyResult)),
  adapters: z.array(answeredBy),
})

export type AdapterAnswer = z.infer<typeof adapterAnswer>
export type AdaptersAnswer = z.infer<typeof adaptersAnswer>

export const inputPrediction = prediction.extend(answeredBy.shape)
export const failedInputPrediction = failedPrediction.extend(answeredBy.shape)

/** The answer if texts name adapters of their own. */
export const inputsAnswer = z.strictObject({
  results: z.array(z.union([inputPrediction, failedInputPrediction])),
  ...answeredBy.partial().shape,
})

export const classifyAnswer = z.union([adapterAnswer, adaptersAnswer, inputsAnswer])
export type ClassifyAnswer = z.infer<typeof classifyAnswer>
