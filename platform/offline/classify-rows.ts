import { fromPlain, GraftError, type PlainError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { toPlain } from '../../core/to-plain.ts'
import { withSpan } from '../../core/tracing.ts'
import { findTextProblem, type TextProblem } from '../../model/valid-text.ts'
import type { Engine, Prediction, Row } from '../../serving/engine-types.ts'
import type { ArtifactCache } from '../files/cache.ts'
import { artifactPathNames, redactPaths } from '../files/redact-paths.ts'
import { MAX_TEXT_CHARACTERS } from '../schemas/classify.ts'
import type { Problem } from '../schemas/common.ts'
import { toRowProblem } from '../schemas/problem.ts'

export type RowResult = Prediction | { error: Problem }

/**
 * Classifies rows. A row that fails does not affect the others: its place in the results has the error.
 * @param signal aborts to remove the rows that are still waiting from the queue
 * @param client who sends the rows. Defaults to a client of its own for each call
 * @throws GraftError `overloaded`, `prediction_timeout`, `shutting_down`
 */
export async function classifyRows(
  { engine, logger, cache }: { engine: Engine; logger: Logger; cache?: ArtifactCache },
  rows: readonly Row[],
  signal?: AbortSignal,
  client?: string,
): Promise<RowResult[]> {
  const invalid = rows.map(findRowError)
  const valid = rows.filter((_, i) => !invalid[i])
  const attributes = { 'graft.rows': valid.length, 'graft.adapters': new Set(valid.map(({ adapter }) => adapter)).size }
  const answers =
    valid.length > 0 ? await withSpan('predict', attributes, () => engine.classify(valid, signal, client)) : []
  let next = 0
  return invalid.map((error, i) => {
    const answer = error ? { error } : answers[next++]
    return 'error' in answer ? { error: toRowProblem(logger, redactArtifact(answer.error, rows[i], cache)) } : answer
  })
}

/** Replaces the paths and the digest of an adapter's files with its name. */
function redactArtifact(error: PlainError, { adapter, displayName }: Row, cache?: ArtifactCache): PlainError {
  return cache && displayName !== undefined
    ? toPlain(redactPaths(fromPlain(error), artifactPathNames(cache, adapter, displayName)))
    : error
}

/**
 * Returns the error of a text that no adapter accepts or that is too long, so that the text takes no space in the
 * queue.
 */
function findRowError({ subject = 'the text', text }: Row): PlainError | undefined {
  const problem = findTextProblem(text) ?? findLengthProblem(text)
  if (!problem) return undefined
  const fix = 'Fix this text. The other texts are not affected.'
  return toPlain(new GraftError('text_invalid', { subject, ...problem, fix }))
}

const findLengthProblem = ({ length }: string): TextProblem | undefined =>
  length > MAX_TEXT_CHARACTERS
    ? { expected: `at most ${MAX_TEXT_CHARACTERS} characters`, found: `${length} characters` }
    : undefined
