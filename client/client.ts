import { fail } from '../core/errors.ts'
import { type Client, makeClient } from './resources.ts'

export { GraftError } from '../core/errors.ts'
export type { Adapter } from '../platform/schemas/adapters.ts'
export type { Alias, AliasMove, AliasRequest } from '../platform/schemas/aliases.ts'
export type { BaseAnswer as Base } from '../platform/schemas/bases.ts'
export type { AdaptersAnswer, ClassifyAnswer, ClassifyRequest, ClassifyResult } from '../platform/schemas/classify.ts'
export type { Problem } from '../platform/schemas/common.ts'
export type { Comparison, ComparisonRequest } from '../platform/schemas/comparisons.ts'
export type { Dataset, DatasetCheck } from '../platform/schemas/datasets.ts'
export type { Evaluation, EvaluationRequest } from '../platform/schemas/evaluations.ts'
export type { PipelineRequest } from '../platform/schemas/pipelines.ts'
export type { Training, TrainingPlan } from '../platform/schemas/trainings.ts'
export type { TrainingEvent } from './events.ts'
export { requireSuccess } from './http.ts'
export type { Client, LaunchRequest, OpenApiDocument } from './resources.ts'

export interface ConnectOptions {
  /** The address of the server. Defaults to `http://127.0.0.1:8080`. */
  url?: string
  /** An API key, as `graft key create` prints it. Defaults to none. */
  apiKey?: string
  /** Sends the requests. Defaults to the `fetch` of the platform. */
  fetch?: (url: URL, init: RequestInit) => Promise<Response>
}

/**
 * Returns a client of a Graft server. It sends nothing before its first call. It needs only standards of the web, so it
 * runs in browsers, too. Each call throws a `GraftError` with the code, the detail and the fix of the server's problem.
 *
 * @example
 * const graft = connectGraft({ url: 'http://localhost:8080', apiKey })
 * const { results } = await graft.predict({ inputs: ['A joy from start to finish.'], adapter: 'film' })
 */
export function connectGraft(options: ConnectOptions = {}): Client {
  const { url = 'http://127.0.0.1:8080', apiKey, fetch: send = fetch } = options
  return makeClient((path, init = {}) => {
    const headers = new Headers(init.headers)
    if (apiKey) headers.set('authorization', `Bearer ${apiKey}`)
    return send(new URL(path, url), { ...init, headers }).catch((error) => {
      if (init.signal?.aborted) throw error
      return throwUnreachable(url, error)
    })
  })
}

function throwUnreachable(url: string, error: Error): never {
  const { message } = (error.cause ?? error) as Error
  return fail(
    'server_unreachable',
    {
      subject: url,
      problem: `cannot be reached: ${message}`,
      fix: 'Start a server with graft serve, or check the address. The command line takes it from GRAFT_URL; unset that to use the store of this machine.',
    },
    error,
  )
}
