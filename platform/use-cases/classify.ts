import { fail, GraftError, type PlainError, toPlain } from '../../core/errors.ts'
import type { Platform, ServedAdapter } from '../platform.ts'
import { rowProblem } from '../problem.ts'
import type { ClassifyAnswer, ClassifyRequest, ClassifyResult } from '../schemas.ts'
import { adapterById, idsOf } from './list-adapters.ts'

interface Question {
  /** Where the request has the text. */
  subject: string
  text: string
  adapter: ServedAdapter
}

/**
 * Labels texts. A text that cannot be classified fails alone: its place in the answer holds the error.
 * @param signal takes the texts that still wait out of the queue
 * @throws GraftError `adapter_unknown`; `body_invalid` where several adapters are served and none is named; `overloaded`,
 * `closing`
 */
export async function classify(
  platform: Platform,
  request: ClassifyRequest,
  signal?: AbortSignal,
): Promise<ClassifyAnswer> {
  const served = platform.adapters
  if (request.adapters) {
    const adapters = request.adapters.map((id, i) => adapterById(served, id, `adapters[${i}]`))
    const questions = request.inputs.flatMap((input, i) => adapters.map((adapter) => question(input, i, adapter)))
    const results = await answers(platform, questions, signal)
    return { results: inRowsOf(adapters.length, results), adapters: adapters.map(answeredBy) }
  }

  const questions = eachByItsAdapter(served, request)
  const results = await answers(platform, questions, signal)
  const [{ adapter: first }] = questions
  const all = questions.every(({ adapter }) => adapter === first) ? answeredBy(first) : undefined
  if (all && request.inputs.every((input) => ownAdapter(input) === undefined)) return { results, ...all }
  return { results: results.map((result, i) => ({ ...result, ...answeredBy(questions[i].adapter) })), ...all }
}

type Input = ClassifyRequest['inputs'][number]

const ownAdapter = (input: Input) => (typeof input === 'string' ? undefined : input.adapter)

function question(input: Input, i: number, adapter: ServedAdapter): Question {
  return { subject: `inputs[${i}]`, text: typeof input === 'string' ? input : input.text, adapter }
}

function eachByItsAdapter(served: readonly ServedAdapter[], { inputs, adapter }: ClassifyRequest): Question[] {
  const otherwise = adapter === undefined ? undefined : adapterById(served, adapter, 'adapter')
  return inputs.map((input, i) => {
    const own = ownAdapter(input)
    const chosen = own === undefined ? (otherwise ?? onlyOne(served)) : adapterById(served, own, `inputs[${i}].adapter`)
    return question(input, i, chosen)
  })
}

function onlyOne(served: readonly ServedAdapter[]): ServedAdapter {
  if (served.length === 1) return served[0]
  const [subject, expected, found] = ['adapter', idsOf(served), 'none named']
  if (served.length === 0)
    fail('adapter_unknown', { subject, expected, found, mend: 'Serve an adapter, then ask again.' })
  fail('body_invalid', { subject, expected, found, mend: 'Name the adapter that should answer.' })
}

async function answers(
  platform: Platform,
  questions: readonly Question[],
  signal: AbortSignal | undefined,
): Promise<ClassifyResult[]> {
  const faults = questions.map(faultOf)
  const rows = questions.filter((_, i) => !faults[i]).map(({ text, adapter }) => ({ text, adapter: adapter.id }))
  const answered = rows.length > 0 ? await platform.engine.classify(rows, signal) : []
  let next = 0
  return faults.map((fault) => {
    const answer = fault ? { error: fault } : answered[next++]
    return 'error' in answer ? { error: rowProblem(platform, answer.error) } : answer
  })
}

/** What keeps a text from being classified, as far as it shows before the text is tokenized. */
function faultOf({ subject, text }: Question): PlainError | undefined {
  const wrong = (expected: string, found: string) =>
    toPlain(
      new GraftError('text_invalid', {
        subject,
        expected,
        found,
        mend: 'Mend this text; the others are not affected.',
      }),
    )
  if (!text.isWellFormed()) return wrong('whole Unicode characters', 'half of a surrogate pair')
  if (text.trim() === '') return wrong('a text with words in it', text === '' ? 'an empty text' : 'white space alone')
  return undefined
}

const answeredBy = ({ id, digest }: ServedAdapter) => ({ adapter: id, digest })

const inRowsOf = <T>(width: number, items: readonly T[]): T[][] =>
  Array.from({ length: items.length / width }, (_, i) => items.slice(i * width, (i + 1) * width))
