import type { Adapter } from '../platform/schemas/adapters.ts'
import type { Alias, AliasMove, AliasRequest } from '../platform/schemas/aliases.ts'
import type { BaseAnswer } from '../platform/schemas/bases.ts'
import type { AdapterAnswer, AdaptersAnswer, ClassifyAnswer, ClassifyRequest } from '../platform/schemas/classify.ts'
import type { Comparison, ComparisonRequest, ComparisonSummary } from '../platform/schemas/comparisons.ts'
import type { Dataset, DatasetCheck, DatasetReading } from '../platform/schemas/datasets.ts'
import type { Evaluation, EvaluationRequest } from '../platform/schemas/evaluations.ts'
import type { CallerAnswer, Key, KeyRequest, NewKey } from '../platform/schemas/keys.ts'
import type { ParameterCount } from '../platform/schemas/parameters.ts'
import type { Training, TrainingEventList, TrainingPlan, TrainingRequest } from '../platform/schemas/trainings.ts'
import type { Delivery, NewWebhook, Webhook, WebhookRequest } from '../platform/schemas/webhooks.ts'
import { type FollowOptions, followEvents } from './events.ts'
import { type Http, idempotencyHeaders, makeHttp, type Send, type UploadContent, withQuery } from './http.ts'

/** Makes a request safe to repeat: a repetition with the same key returns the response to the first. */
export interface Repeatable {
  idempotencyKey?: string
}

/** A request for a training. In addition to the fields here, it has those of its method, such as `rank`. */
export type LaunchRequest = Partial<TrainingRequest> &
  Pick<TrainingRequest, 'dataset'> & { [methodField: string]: unknown }

/** The parts of the OpenAPI document that say which requests are valid. */
export interface OpenApiDocument {
  openapi: string
  components: { schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>> }
}

export type Client = ReturnType<typeof makeClient>

/** Makes a client of the API from a function that sends its requests. */
export function makeClient(send: Send) {
  const http = makeHttp(send)
  return {
    /** Sends any request and returns its response, whatever its status. */
    send,
    predict: makePredict(http),
    /** Returns what the key of this client allows. */
    caller: () => http.get<CallerAnswer>('/v1/caller'),
    /** Returns the OpenAPI document. */
    describe: () => http.get<OpenApiDocument>('/openapi.json'),
    adapters: adapters(http),
    aliases: aliases(http),
    webhooks: webhooks(http),
    trainings: trainings(http),
    evaluations: {
      ...shortWork<Evaluation, EvaluationRequest>(http, '/v1/evaluations'),
      list: (query: { adapter?: string } = {}) => http.list<Evaluation>('/v1/evaluations', query),
    },
    comparisons: {
      ...shortWork<Comparison, ComparisonRequest>(http, '/v1/comparisons'),
      list: () => http.list<ComparisonSummary>('/v1/comparisons'),
      /** Returns the report of a comparison that has succeeded, as a page of HTML. */
      report: async (id: string) => (await http.request(`${pathOf('/v1/comparisons', id)}/report`)).text(),
    },
    datasets: datasets(http),
    bases: {
      list: () => http.list<BaseAnswer>('/v1/bases'),
      get: (idOrName: string) => http.get<BaseAnswer>(pathOf('/v1/bases', idOrName)),
    },
    parameters: {
      /** Counts the parameters that a method trains on a base. The query has the fields of the method. */
      count: (query: Readonly<Record<string, unknown>>) => http.get<ParameterCount>(withQuery('/v1/parameters', query)),
    },
    keys: {
      list: () => http.list<Key>('/v1/keys'),
      create: (request: KeyRequest) => http.send<NewKey>('POST', '/v1/keys', request),
      revoke: (id: string) => http.send<Key>('DELETE', pathOf('/v1/keys', id)),
    },
  }
}

const pathOf = (list: string, idOrName: string): string => `${list}/${encodeURIComponent(idOrName)}`

function makePredict(http: Http) {
  /** Classifies texts. The answer has one result per text; with several adapters, a list of one per adapter. */
  function predict(request: ClassifyRequest & { adapters: string[] }): Promise<AdaptersAnswer>
  function predict(request: ClassifyRequest & { inputs: string[]; adapters?: undefined }): Promise<AdapterAnswer>
  function predict(request: ClassifyRequest): Promise<ClassifyAnswer>
  function predict(request: ClassifyRequest): Promise<ClassifyAnswer> {
    return http.send('POST', '/v1/predictions', request)
  }
  return predict
}

const adapters = (http: Http) => ({
  list: () => http.list<Adapter>('/v1/adapters'),
  get: (idOrName: string) => http.get<Adapter>(pathOf('/v1/adapters', idOrName)),
  /** Uploads the folder of an adapter as a tar file, gzipped or not. */
  /** @param options.base the id or the name of its base. Defaults to the one that its folder names */
  upload: (name: string, content: UploadContent, { idempotencyKey, base }: Repeatable & { base?: string } = {}) =>
    http.upload<Adapter>(
      withQuery('/v1/adapters', { name, base }),
      'application/octet-stream',
      content,
      idempotencyHeaders(idempotencyKey),
    ),
  /** Returns the folder as a tar file, in the body of a response. */
  download: (idOrName: string) => http.request(`${pathOf('/v1/adapters', idOrName)}/archive`),
  remove: (idOrName: string) => http.send<void>('DELETE', pathOf('/v1/adapters', idOrName)),
})

const webhooks = (http: Http) => ({
  list: () => http.list<Webhook>('/v1/webhooks'),
  /** Registers a webhook. Only this response has its secret. */
  create: (request: WebhookRequest) => http.send<NewWebhook>('POST', '/v1/webhooks', request),
  listDeliveries: (id: string) => http.list<Delivery>(`${pathOf('/v1/webhooks', id)}/deliveries`),
  remove: (id: string) => http.send<Webhook>('DELETE', pathOf('/v1/webhooks', id)),
})

const aliases = (http: Http) => ({
  list: () => http.list<Alias>('/v1/aliases'),
  get: (name: string) => http.get<Alias>(pathOf('/v1/aliases', name)),
  /** Creates an alias, or moves it to another adapter. */
  set: (name: string, request: AliasRequest) => http.send<Alias>('PUT', pathOf('/v1/aliases', name), request),
  remove: (name: string) => http.send<void>('DELETE', pathOf('/v1/aliases', name)),
  listMoves: (name: string) => http.list<AliasMove>(`${pathOf('/v1/aliases', name)}/moves`),
})

function trainings(http: Http) {
  const path = (idOrName: string) => pathOf('/v1/trainings', idOrName)
  const act = (action: string) => (idOrName: string) => http.send<Training>('POST', `${path(idOrName)}/${action}`)
  return {
    list: (query: { status?: Training['status'] } = {}) => http.list<Training>('/v1/trainings', query),
    get: (idOrName: string) => http.get<Training>(path(idOrName)),
    launch: (request: LaunchRequest, { idempotencyKey }: Repeatable = {}) =>
      http.send<Training>('POST', '/v1/trainings', request, idempotencyHeaders(idempotencyKey)),
    /** Returns what a training would do and cost, without launching it. */
    plan: (request: LaunchRequest) => http.send<TrainingPlan>('POST', '/v1/trainings?dry_run=true', request),
    pause: act('pause'),
    resume: act('resume'),
    cancel: act('cancel'),
    /** Returns up to 500 of the events so far, those after the number `after`. */
    listEvents: (idOrName: string, { after = 0 }: Pick<FollowOptions, 'after'> = {}) =>
      http.get<TrainingEventList>(withQuery(`${path(idOrName)}/events`, { after })),
    /** Yields the events of a training until it has ended. Reconnects if the connection breaks. */
    follow: (idOrName: string, options: FollowOptions = {}) => followEvents(http, path(idOrName), options),
  }
}

const shortWork = <Work, Request>(http: Http, list: string) => ({
  get: (id: string) => http.get<Work>(pathOf(list, id)),
  start: (request: Request) => http.send<Work>('POST', list, request),
})

const datasets = (http: Http) => ({
  list: () => http.list<Dataset>('/v1/datasets'),
  get: (idOrName: string) => http.get<Dataset>(pathOf('/v1/datasets', idOrName)),
  /** Uploads labeled reviews, in one of the formats of docs/data.md. The options may say how the file is read. */
  upload: (name: string, content: UploadContent, { idempotencyKey, ...reading }: Repeatable & DatasetReading = {}) =>
    http.upload<Dataset>(
      withQuery('/v1/datasets', { name, ...reading }),
      'application/octet-stream',
      content,
      idempotencyHeaders(idempotencyKey),
    ),
  /** Returns what a file contains, without storing it. Invalid lines throw as they do for `upload`. */
  check: (name: string, content: UploadContent, reading: DatasetReading = {}) =>
    http.upload<DatasetCheck>(
      withQuery('/v1/datasets', { name, dry_run: true, ...reading }),
      'application/octet-stream',
      content,
    ),
  remove: (idOrName: string) => http.send<void>('DELETE', pathOf('/v1/datasets', idOrName)),
})
