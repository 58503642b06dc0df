import { fail } from '../../core/errors.ts'
import type { Row } from '../../serving/engine-types.ts'
import { classifyRows } from '../offline/classify-rows.ts'
import type { Caller, Platform } from '../platform.ts'
import type { ClassifyAnswer, ClassifyInput, ClassifyRequest } from '../schemas/classify.ts'
import { type AdapterReference, describeAdapterNames, selectAdapters, selectOnlyAdapter } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { requireSameBase } from './require-same-base.ts'

/**
 * Classifies texts. A text that fails does not affect the others: its place in the results has the error.
 * @param signal aborts to remove the texts that are still waiting from the queue
 * @param caller the key that sends the texts. Keys take turns
 * @throws GraftError `adapter_unknown`, `base_mismatch`, `overloaded`, `prediction_timeout`, `shutting_down`;
 *   `body_invalid` if several adapters are served and the request names none
 */
export async function classify(
  platform: Platform,
  request: ClassifyRequest,
  signal?: AbortSignal,
  caller?: Caller,
): Promise<ClassifyAnswer> {
  const client = caller?.owner || undefined
  const { db } = platform.store
  const { inputs, explain } = request
  if (request.adapters) {
    const adapters = await selectAdapters(db, request.adapters, (i) => `adapters[${i}]`)
    for (const adapter of adapters) requireSameBase(adapter, platform)
    const rows = inputs.flatMap((input, i) => adapters.map((adapter) => toRow(input, i, adapter, explain)))
    const results = await classifyRows(platform, rows, signal, client)
    return { results: chunk(results, adapters.length), adapters: adapters.map(toAnsweredBy) }
  }

  const adapters = await selectAdapterOfEach(db, request)
  for (const adapter of adapters) requireSameBase(adapter, platform)
  const rows = inputs.map((input, i) => toRow(input, i, adapters[i], explain))
  const results = await classifyRows(platform, rows, signal, client)
  const [first] = adapters
  const common = adapters.every(({ id }) => id === first.id) ? toAnsweredBy(first) : undefined
  if (common && inputs.every((input) => adapterOf(input) === undefined)) return { results, ...common }
  return { results: results.map((result, i) => ({ ...result, ...toAnsweredBy(adapters[i]) })), ...common }
}

/** Returns the adapter that an input names. */
const adapterOf = (input: ClassifyInput) => (typeof input === 'string' ? undefined : input.adapter)

const toRow = (
  input: ClassifyInput,
  i: number,
  { artifact, base_id, name }: AdapterReference,
  explained?: boolean,
): Row => ({
  subject: `inputs[${i}]`,
  text: typeof input === 'string' ? input : input.text,
  adapter: artifact,
  base: base_id,
  displayName: name,
  explained,
})

/** Returns the adapter for each input: the one that it names, or the one of the whole request, or the only one. */
async function selectAdapterOfEach(db: Database, { inputs, adapter }: ClassifyRequest): Promise<AdapterReference[]> {
  const requested = inputs.map((input) => adapterOf(input) ?? adapter)
  const only = requested.includes(undefined) ? await getOnlyAdapter(db) : undefined
  const names = [...new Set(requested.filter((name) => name !== undefined))]
  const subjectOf = (name: string) => {
    const index = inputs.findIndex((input) => adapterOf(input) === name)
    return index < 0 ? 'adapter' : `inputs[${index}].adapter`
  }
  const rows = await selectAdapters(db, names, (i) => subjectOf(names[i]))
  return requested.map((name) => (name === undefined ? only : rows[names.indexOf(name)]) as AdapterReference)
}

/** @throws GraftError `adapter_unknown` without an adapter, `body_invalid` with several */
export async function getOnlyAdapter(db: Database): Promise<AdapterReference> {
  const only = await selectOnlyAdapter(db)
  if (only === 'none')
    fail('adapter_unknown', {
      subject: 'adapter',
      expected: await describeAdapterNames(db),
      found: 'nothing',
      fix: 'Train or upload an adapter, then try again.',
    })
  if (only === 'several')
    fail('body_invalid', {
      subject: 'adapter',
      expected: await describeAdapterNames(db),
      found: 'nothing',
      fix: 'Name the adapter to use. GET /v1/adapters lists them.',
    })
  return only
}

const toAnsweredBy = ({ name, digest }: AdapterReference) => ({ adapter: name, digest })

const chunk = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: items.length / size }, (_, i) => items.slice(i * size, (i + 1) * size))
