import type { RowResult } from '../../platform/offline/classify-rows.ts'
import type { Platform } from '../../platform/platform.ts'
import { MAX_INPUTS } from '../../platform/schemas/classify.ts'
import { type ScoreRequest, scoreTexts } from '../../platform/use-cases/score-texts.ts'
import { type RequestContext, toHeaderValue } from '../route.ts'
import { teiErrorResponse, toTeiResponse } from './errors.ts'

type ClassifiedRow = Exclude<RowResult, { error: unknown }>
export type DetailedRow = ClassifiedRow & { detail: NonNullable<ClassifiedRow['detail']> }

interface ScoredInputs {
  rows: DetailedRow[]
  /** The headers of the response: the adapter, and what the request cost. */
  headers: Record<string, string>
}

/**
 * Classifies the inputs of a request in the shape of another library, in which one input that cannot be classified
 * fails the whole request.
 * @param characters the characters of the inputs
 * @returns the rows, or the error response
 */
export async function scoreInputs(
  platform: Platform,
  request: ScoreRequest & { characters: number },
  { signal, caller, admitTexts, recordRows }: RequestContext,
): Promise<ScoredInputs | Response> {
  const started = performance.now()
  const { texts, characters } = request
  if (texts.length > MAX_INPUTS)
    return teiErrorResponse(413, `batch size ${texts.length} > maximum allowed batch size ${MAX_INPUTS}`, 'Validation')
  if (texts.includes('')) return teiErrorResponse(400, 'Input validation error: `inputs` cannot be empty', 'Empty')
  admitTexts(texts.length, characters)
  const scored = await scoreTexts(platform, request, signal, caller)
  recordRows(texts.length)
  const failed = scored.results.find((result) => 'error' in result)
  if (failed) return toTeiResponse(failed.error)
  const rows = scored.results as DetailedRow[]
  const headers = {
    'x-graft-adapter': toHeaderValue(scored.adapter),
    'x-graft-digest': scored.digest,
    ...metadataHeaders(rows, characters, performance.now() - started),
  }
  return { rows, headers }
}

/** Returns the labels from the highest score to the lowest. Of equal scores, the later label comes first. */
export const sortByScore = (scores: Readonly<Record<string, number>>) =>
  Object.entries(scores)
    .map(([label, score]) => ({ score, label }))
    .sort((a, b) => a.score - b.score)
    .reverse()

/** Descriptions of the headers that {@link scoreInputs} returns. */
export const SCORE_HEADERS = {
  'x-graft-adapter': 'Name of the adapter.',
  'x-graft-digest': 'SHA-256 of its weights.',
  'x-compute-type': 'The runtime that computed the result.',
  'x-compute-time': 'Total time in milliseconds.',
  'x-compute-characters': 'Characters of the inputs.',
  'x-compute-tokens': 'Tokens of the inputs after truncation.',
  'x-total-time': 'Total time in milliseconds.',
  'x-tokenization-time': 'Mean tokenization time per input in milliseconds.',
  'x-queue-time': 'Mean queue time per input in milliseconds.',
  'x-inference-time': 'Mean inference time per input in milliseconds.',
}

function metadataHeaders(rows: readonly DetailedRow[], characters: number, totalMs: number): Record<string, string> {
  const wholeMs = (ms: number) => String(Math.floor(ms))
  const meanMs = (timeOf: (times: DetailedRow['detail']['times']) => number) =>
    wholeMs(rows.reduce((sum, { detail }) => sum + timeOf(detail.times), 0) / rows.length)
  return {
    'x-compute-type': 'onnxruntime',
    'x-compute-time': wholeMs(totalMs),
    'x-compute-characters': String(characters),
    'x-compute-tokens': String(rows.reduce((sum, { tokens }) => sum + tokens, 0)),
    'x-total-time': wholeMs(totalMs),
    'x-tokenization-time': meanMs(({ tokenization }) => tokenization),
    'x-queue-time': meanMs(({ queue }) => queue),
    'x-inference-time': meanMs(({ inference }) => inference),
  }
}
