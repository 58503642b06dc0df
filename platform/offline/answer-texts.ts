import { fromPlain, GraftError, type PlainError, toPlain } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Engine, Prediction, Row } from '../../serving/engine-types.ts'
import type { ArtifactCache } from '../files/cache.ts'
import { hidePaths, namesOf } from '../files/hide-paths.ts'
import type { Problem } from '../schemas/common.ts'
import { rowProblem } from '../schemas/problem.ts'

/** `adapter` as the engine knows it. */
export interface AskedText extends Row {
  /** What the caller calls the adapter, where that is an artifact. */
  called?: string
  /** Where the request has the text. */
  subject: string
}

export type AnsweredText = Prediction | { error: Problem }

/**
 * Labels texts. One that cannot be classified fails alone: its place in the answer holds the error.
 * @param signal takes the texts that still wait out of the queue
 * @throws GraftError `overloaded`, `shutting_down`
 */
export async function answerTexts(
  { engine, logger, cache }: { engine: Engine; logger: Logger; cache?: ArtifactCache },
  asked: readonly AskedText[],
  signal?: AbortSignal,
): Promise<AnsweredText[]> {
  const faults = asked.map(faultOf)
  const rows = asked.filter((_, i) => !faults[i]).map(({ subject: _, called: __, ...row }) => row)
  const answered = rows.length > 0 ? await engine.classify(rows, signal) : []
  let next = 0
  return faults.map((fault, i) => {
    const answer = fault ? { error: fault } : answered[next++]
    return 'error' in answer ? { error: rowProblem(logger, asCalled(answer.error, asked[i], cache)) } : answer
  })
}

/** An error may speak of the adapter's files. */
function asCalled(error: PlainError, { adapter, called }: AskedText, cache: ArtifactCache | undefined): PlainError {
  return cache && called !== undefined ? toPlain(hidePaths(fromPlain(error), namesOf(cache, adapter, called))) : error
}

/** What keeps a text from being classified, as far as it shows before the text is tokenized. */
function faultOf({ subject, text }: AskedText): PlainError | undefined {
  const wrong = (expected: string, found: string) =>
    toPlain(
      new GraftError('text_invalid', {
        subject,
        expected,
        found,
        fix: 'Fix this text; the others are not affected.',
      }),
    )
  if (!text.isWellFormed()) return wrong('whole Unicode characters', 'half of a surrogate pair')
  if (text.trim() === '') return wrong('a text with words in it', text === '' ? 'an empty text' : 'white space alone')
  return undefined
}
