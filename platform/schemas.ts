import { z } from 'zod'

// One schema for each thing that crosses an edge. A message says what was expected, as a phrase.

export const MAX_INPUTS = 256
/** Inputs times adapters, at most, in one request. */
export const MAX_ANSWERS = 1024

/** An object of these fields alone. */
function only<S extends z.ZodRawShape>(shape: S) {
  const fields = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `only ${fields}` : `an object with ${fields}`),
  })
}

const text = z.string({ error: 'a text' })
const adapterId = z.string({ error: 'the id of an adapter' }).min(1, 'the id of an adapter')

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
    .array(adapterId, { error: 'a list of ids of adapters' })
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

export const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  subject: z.string(),
  expected: z.string(),
  found: z.string(),
  mend: z.string(),
})
export type Problem = z.infer<typeof problem>

const answeredBy = z.strictObject({
  adapter: z.string().describe('id of the adapter'),
  digest: z.string().describe('SHA-256 of the weights that answered'),
})
const prediction = z.strictObject({
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

export const adapter = z.strictObject({
  id: z.string(),
  name: z.string(),
  method: z.string(),
  base: z.string(),
  trainable: z.int(),
  total: z.int(),
  digest: z.string(),
  bytes: z.int(),
  layout: z.string(),
  labels: z.array(z.string()),
  metrics: z.record(z.string(), z.unknown()).optional(),
})
export type Adapter = z.infer<typeof adapter>

export const adapterList = z.strictObject({ data: z.array(adapter) })
export type AdapterList = z.infer<typeof adapterList>

/** The fields of the method itself are checked by the method. */
export const countRequest = z.looseObject({
  base: z.string({ error: 'the name of a base' }).optional(),
  method: z.string({ error: 'the name of a method' }).optional(),
  adapter: adapterId.optional(),
})
export type CountRequest = z.infer<typeof countRequest>

export const parameterCount = z.strictObject({
  trainable: z.int().describe('parameters that training changes'),
  added: z.int().describe("parameters beyond the base's own"),
  total: z.int(),
  percent: z.number().describe('100 · trainable / total'),
  formula: z.string().optional(),
  groups: z
    .array(z.strictObject({ name: z.string(), count: z.int(), shape: z.array(z.int()), parameters: z.int() }))
    .optional()
    .describe('trained tensors of one shape; * stands for the number of the block'),
})
export type ParameterCount = z.infer<typeof parameterCount>

export const health = z.strictObject({ status: z.literal('ok'), version: z.string(), uptime_seconds: z.number() })
export type Health = z.infer<typeof health>

const deviceKind = z.enum(['cpu', 'webgpu', 'cuda'])
export const device = z.strictObject({
  kind: deviceKind,
  usable: z.boolean(),
  name: z.string(),
  vendor: z.string().optional(),
  driver: z.string().optional(),
  software: z.boolean().optional().describe('a renderer that computes on the CPU in the guise of a GPU'),
  f16: z.boolean().optional().describe('trains with --precision f16'),
  limits: z
    .strictObject({ storage_buffers_per_stage: z.int(), buffer_bytes: z.int(), storage_binding_bytes: z.int() })
    .optional(),
  memory_bytes: z.int().optional(),
  cores: z.int().optional(),
  measured: z
    .strictObject({
      gemm_gflops: z.number().describe('products of f32 matrices, 10^9 operations a second'),
      bandwidth_gb_s: z.number().describe('bytes read and written by a sum of large arrays, 10^9 a second'),
    })
    .optional(),
  unmeasured: z.string().optional().describe('why there is no measurement, where it failed'),
  why: z.string().optional().describe('why it cannot be used, or why so little is known of it'),
  mend: z.string().optional(),
})
export type Device = z.infer<typeof device>

export const deviceReport = z.strictObject({
  devices: z.array(device),
  auto: z
    .strictObject({ device: deviceKind, why: z.string() })
    .optional()
    .describe('what --device auto takes in f32; absent where it was not measured and hangs on that'),
})
export type DeviceReport = z.infer<typeof deviceReport>
