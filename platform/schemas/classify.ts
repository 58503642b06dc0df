import { z } from 'zod'
import { MAX_COMPLETENESS_ERROR } from '../../core/explanation-precision.ts'
import { EXPLANATION_COST } from '../../serving/explanation-cost.ts'
import { exactObject, idOrName, problem, text } from './common.ts'

export const MAX_INPUTS = 256
/** The maximum number of characters of a text: a book's chapter is shorter, and no adapter reads more of it. */
export const MAX_TEXT_CHARACTERS = 200_000
/** The maximum number of predictions in one request: inputs times adapters. */
export const MAX_PREDICTIONS = 1024
/** The maximum number of predictions in one request that explains them. */
export const MAX_EXPLANATIONS = 8

/** Returns how many texts fit into a request that classifies each with so many adapters. At least one. */
export const textsPerRequest = (adapters: number, explain = false): number =>
  Math.max(1, Math.floor((explain ? MAX_EXPLANATIONS : MAX_INPUTS) / adapters))

/** Splits adapters into groups, each of which fits into a request with at least one text. */
export function splitAdapters(adapters: readonly string[], explain = false): string[][] {
  const size = explain ? MAX_EXPLANATIONS : MAX_PREDICTIONS
  return Array.from({ length: Math.ceil(adapters.length / size) }, (_, i) => adapters.slice(i * size, (i + 1) * size))
}

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
  explain: z
    .boolean({ error: 'true or false' })
    .optional()
    .describe(
      `Whether to explain each prediction: what each word of the text contributes to it. An explanation costs about as much as ${EXPLANATION_COST} predictions, so at most ${MAX_EXPLANATIONS} are made at once. Defaults to false.`,
    ),
}).superRefine(({ inputs, adapter, adapters, explain }, context) => {
  const addIssue = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message })
  if (explain && inputs.length * (adapters?.length ?? 1) > MAX_EXPLANATIONS)
    addIssue(['inputs'], `at most ${MAX_EXPLANATIONS} predictions (texts times adapters) with explain`)
  if (!adapters) return
  const repeated = adapters.findIndex((id, i) => adapters.indexOf(id) < i)
  const withAdapter = inputs.findIndex((input) => typeof input === 'object' && input.adapter !== undefined)
  if (adapter !== undefined) addIssue(['adapter'], 'no adapter, because adapters is set')
  else if (withAdapter >= 0) addIssue(['inputs', withAdapter, 'adapter'], 'no adapter, because adapters is set')
  else if (repeated >= 0) addIssue(['adapters', repeated], 'each adapter once')
  else if (inputs.length * adapters.length > MAX_PREDICTIONS)
    addIssue(['adapters'], `at most ${MAX_PREDICTIONS} predictions (texts times adapters)`)
})
export type ClassifyRequest = z.infer<typeof classifyRequest>

/**
 * Returns how many texts an engine has to classify: each text once for each adapter. An explained text counts for as
 * many as its explanation costs.
 */
export const countTexts = ({ inputs, adapters, explain }: ClassifyRequest): number =>
  inputs.length * (adapters?.length ?? 1) * (explain ? 1 + EXPLANATION_COST : 1)

/** Returns the characters of all texts. A text is tokenized once, however many adapters classify it. */
export const countCharacters = ({ inputs }: ClassifyRequest): number =>
  inputs.reduce((sum, input) => sum + (typeof input === 'string' ? input : input.text).length, 0)

export const answeredBy = z.strictObject({
  adapter: z.string().describe('The name of the adapter.'),
  digest: z.string().describe('SHA-256 of the weights that made the prediction.'),
})
export const explainedWord = z.strictObject({
  text: z.string(),
  start: z.int().describe('Its offset in the text, in UTF-16 code units.'),
  end: z.int().describe('The offset after it.'),
  contribution: z
    .number()
    .describe('What it contributes to the difference: positive for the target, negative for the other label.'),
})
export const explanation = z.strictObject({
  target: z.string().describe('The predicted label.'),
  against: z.string().describe('The label with the next largest probability.'),
  difference: z.number().describe('The logit of the target minus the logit of the other label.'),
  baseline_difference: z.number().describe('The same difference for an empty text of the same length.'),
  completeness_error: z
    .number()
    .describe(
      `By how much the contributions and other miss difference - baseline_difference, as a share of it. At most ${MAX_COMPLETENESS_ERROR}, unless the largest number of steps was too few.`,
    ),
  steps: z.int().describe('The number of gradients that were computed.'),
  words: z.array(explainedWord).describe('The words that were read, in their order.'),
  other: z.number().describe('The contribution of tokens that belong to no word.'),
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
  explanation: explanation.optional().describe('What each word contributes. Set if the request has explain.'),
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
