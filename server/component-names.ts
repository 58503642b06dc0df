import { zodToOpenAPIRegistry } from '@asteasolutions/zod-to-openapi'
import { z } from 'zod'
import * as adapters from '../platform/schemas/adapters.ts'
import * as aliases from '../platform/schemas/aliases.ts'
import * as bases from '../platform/schemas/bases.ts'
import * as classify from '../platform/schemas/classify.ts'
import { problem } from '../platform/schemas/common.ts'
import * as comparisons from '../platform/schemas/comparisons.ts'
import * as datasets from '../platform/schemas/datasets.ts'
import * as evaluations from '../platform/schemas/evaluations.ts'
import * as health from '../platform/schemas/health.ts'
import * as keys from '../platform/schemas/keys.ts'
import * as parameters from '../platform/schemas/parameters.ts'
import * as statuses from '../platform/schemas/statuses.ts'
import * as trainings from '../platform/schemas/trainings.ts'
import * as endpoint from './huggingface/schemas.ts'
import * as chat from './openai/chat-schemas.ts'
import { openaiErrorFormat } from './openai/errors.ts'
import * as jobs from './openai/job-schemas.ts'
import * as tei from './tei/schemas.ts'

const own = [
  ...[adapters, aliases, bases, classify, comparisons, datasets, evaluations, health, keys, parameters],
  ...[statuses, trainings],
]

/**
 * Names the schemas, so that each is one component of the OpenAPI document and one type of a generated client. An
 * exported schema has the name of its export; those of other libraries also have a prefix.
 */
export function nameComponents(): void {
  nameSchema('Problem', problem)
  nameSchema('OpenaiErrorResponse', openaiErrorFormat.schema)
  for (const module of own) nameExports('', module)
  for (const module of [chat, jobs]) nameExports('Openai', module)
  nameExports('Tei', tei)
  nameExports('', endpoint)
}

function nameExports(prefix: string, module: Readonly<Record<string, unknown>>): void {
  for (const [name, schema] of Object.entries(module))
    if (schema instanceof z.ZodType) nameSchema(`${prefix}${name[0].toUpperCase()}${name.slice(1)}`, schema)
}

function nameSchema(refId: string, schema: z.ZodType): void {
  // A schema may have been named by another server in this process.
  if (!zodToOpenAPIRegistry.has(schema)) zodToOpenAPIRegistry.add(schema, { _internal: { refId } })
}
