import { fail } from '../../core/errors.ts'
import { answerTexts } from '../offline/answer-texts.ts'
import type { Platform } from '../platform.ts'
import type { ClassifyAnswer, ClassifyRequest, ClassifyResult } from '../schemas/classify.ts'
import { type AdapterRow, adapterNames, getAdapters, onlyAdapter } from '../store/adapters.ts'
import type { Database } from '../store/database.ts'
import { requireSameBase } from './require-same-base.ts'

interface Question {
  /** Where the request has the text. */
  subject: string
  text: string
  adapter: AdapterRow
}

/**
 * Labels texts. A text that cannot be classified fails alone: its place in the answer holds the error.
 * @param signal takes the texts that still wait out of the queue
 * @throws GraftError `adapter_unknown`; `body_invalid` where several adapters are served and none is named; `overloaded`,
 * `shutting_down`
 */
export async function classify(
  platform: Platform,
  request: ClassifyRequest,
  signal?: AbortSignal,
): Promise<ClassifyAnswer> {
  const { db } = platform.store
  if (request.adapters) {
    const adapters = await getAdapters(db, request.adapters, (i) => `adapters[${i}]`)
    const questions = request.inputs.flatMap((input, i) => adapters.map((adapter) => question(input, i, adapter)))
    const results = await answers(platform, questions, signal)
    return { results: inRowsOf(adapters.length, results), adapters: adapters.map(answeredBy) }
  }

  const questions = await eachByItsAdapter(db, request)
  const results = await answers(platform, questions, signal)
  const [{ adapter: first }] = questions
  const all = questions.every(({ adapter }) => adapter.id === first.id) ? answeredBy(first) : undefined
  if (all && request.inputs.every((input) => ownAdapter(input) === undefined)) return { results, ...all }
  return { results: results.map((result, i) => ({ ...result, ...answeredBy(questions[i].adapter) })), ...all }
}

type Input = ClassifyRequest['inputs'][number]

const ownAdapter = (input: Input) => (typeof input === 'string' ? undefined : input.adapter)

function question(input: Input, i: number, adapter: AdapterRow): Question {
  return { subject: `inputs[${i}]`, text: typeof input === 'string' ? input : input.text, adapter }
}

async function eachByItsAdapter(db: Database, { inputs, adapter }: ClassifyRequest): Promise<Question[]> {
  const asked = inputs.map((input) => ownAdapter(input) ?? adapter)
  const otherwise = asked.includes(undefined) ? await theOnlyOne(db) : undefined
  const names = [...new Set(asked.filter((name) => name !== undefined))]
  const subjectOf = (name: string) => {
    const own = inputs.findIndex((input) => ownAdapter(input) === name)
    return own < 0 ? 'adapter' : `inputs[${own}].adapter`
  }
  const rows = await getAdapters(db, names, (i) => subjectOf(names[i]))
  return inputs.map((input, i) => {
    const name = asked[i]
    return question(input, i, (name === undefined ? otherwise : rows[names.indexOf(name)]) as AdapterRow)
  })
}

/** @throws GraftError `adapter_unknown` where there is none, `body_invalid` where there are several */
export async function theOnlyOne(db: Database): Promise<AdapterRow> {
  const only = await onlyAdapter(db)
  if (only === 'none')
    fail('adapter_unknown', {
      subject: 'adapter',
      expected: await adapterNames(db),
      found: 'none named',
      fix: 'Train or upload one, then ask again.',
    })
  if (only === 'several')
    fail('body_invalid', {
      subject: 'adapter',
      expected: await adapterNames(db),
      found: 'none named',
      fix: 'Name the adapter that should answer; GET /v1/adapters lists them.',
    })
  return only
}

function answers(
  platform: Platform,
  questions: readonly Question[],
  signal: AbortSignal | undefined,
): Promise<ClassifyResult[]> {
  for (const { adapter } of questions) requireSameBase(adapter, platform.base)
  const asked = questions.map(({ subject, text, adapter }) => ({
    subject,
    text,
    adapter: adapter.artifact,
    called: adapter.name,
  }))
  return answerTexts(platform, asked, signal)
}

const answeredBy = ({ name, digest }: AdapterRow) => ({ adapter: name, digest })

const inRowsOf = <T>(width: number, items: readonly T[]): T[][] =>
  Array.from({ length: items.length / width }, (_, i) => items.slice(i * width, (i + 1) * width))
