import { distance } from 'fastest-levenshtein'
import type { ErrorDetail } from '../core/errors.ts'
import type { Problem } from '../platform/schemas/common.ts'
import { toProblemResponse } from './error-response.ts'
import { openaiErrorFormat, toOpenaiError } from './openai/errors.ts'
import { isOpenaiClient, openaiAlternativeTo } from './openai/recognize.ts'

/** Returns the `not_found` error of a path, with the path that the client probably meant. */
export function describeUnknownPath(path: string, knownPaths: Iterable<string>): ErrorDetail {
  const known = new Set(knownPaths)
  return {
    subject: path,
    problem: 'is not a path of this API',
    fix: fixOf(path, known) ?? 'Check the spelling; paths do not end with a slash. GET /docs lists all of them.',
  }
}

/**
 * Returns how errors of a request for an unknown path are shown. OpenAI's clients get OpenAI's format. Of any other
 * client below /v1 it is not certain which format it reads, so it gets a problem that also has OpenAI's `error`, as RFC
 * 9457 allows.
 */
export function unknownPathFormatOf({ headers }: Request, path: string): (problem: Problem) => Response {
  if (isOpenaiClient(headers, tidy(path))) return openaiErrorFormat.toResponse
  if (!path.startsWith('/v1/')) return toProblemResponse
  return (problem) => {
    const withError = { ...problem, error: toOpenaiError(problem) }
    return toProblemResponse(withError)
  }
}

/** Returns the path without what some clients add: repeated slashes, a slash at the end, and /v1 twice. */
const tidy = (path: string): string =>
  path
    .replace(/\/{2,}/g, '/')
    .replace(/(?<=.)\/$/, '')
    .replace(/^(\/v1)+(?=\/v1\/)/, '')

function fixOf(path: string, known: ReadonlySet<string>): string | undefined {
  const tidied = tidy(path)
  const withoutPrefix = tidied.replace(/^\/[^/]+(?=\/)/, '')
  const right = [tidied, `/v1${tidied}`, withoutPrefix, `/v1${withoutPrefix}`].find((candidate) =>
    isKnown(candidate, known),
  )
  if (right?.startsWith('/v1/') && !path.startsWith('/v1/'))
    return `Use ${right}. The base URL of a client is the address of the server and /v1, for example http://localhost:8080/v1.`
  if (right !== undefined) return `Use ${right}.`
  const alternative = openaiAlternativeTo(tidied)
  if (alternative !== undefined) return alternative
  const similar = mostSimilar(tidied, known)
  return similar === undefined ? undefined : `Did you mean ${similar}? GET /docs lists all paths.`
}

const isKnown = (path: string, known: ReadonlySet<string>): boolean =>
  known.has(path) || [...known].some((template) => template.includes('{') && patternOf(template).test(path))

const patternOf = (template: string): RegExp =>
  new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')}$`)

/** A longer path is not a misspelling. */
const MAX_COMPARED_LENGTH = 100

/** Returns the known path with the fewest differences, if they are few. */
function mostSimilar(path: string, known: ReadonlySet<string>): string | undefined {
  if (path.length > MAX_COMPARED_LENGTH) return undefined
  const ranked = [...known].map((candidate) => ({ candidate, differences: distance(path, candidate) }))
  const [best] = ranked.sort((a, b) => a.differences - b.differences)
  return best && best.differences <= Math.max(2, path.length / 5) ? best.candidate : undefined
}
