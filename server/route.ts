import type { z } from 'zod'
import type { ErrorCode } from '../core/catalogue.ts'
import type { Caller } from '../platform/platform.ts'
import type { RawFields } from '../platform/schemas/coerce-fields.ts'
import type { Problem } from '../platform/schemas/common.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'

type ParamsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamsOf<Rest>
  : never

/** A validated request, as the handler of a route receives it. */
export interface RequestContext<Param extends string = string, Query = unknown, Body = unknown, Headers = unknown> {
  params: Readonly<Record<Param, string>>
  query: Query
  body: Body
  /** The headers that the route declares. */
  headers: Headers
  /** The Accept header; empty if the client sends none. */
  accept: string
  /** The id under which the request is logged. */
  requestId: string
  caller: Caller
  /** The raw request. If the route declares a body, it has been read already. */
  request: Request
  /** Aborts when the client disconnects. */
  signal: AbortSignal
  /** Aborts when the server starts to shut down. Responses without an end must stop then. */
  shutdown: AbortSignal
  /** Records the number of classified texts for the log and the metrics. */
  recordRows(rows: number): void
  /**
   * Counts texts to classify and their characters, until the response has been sent.
   * @throws GraftError `overloaded`
   */
  admitTexts(count: number, characters: number): void
  /**
   * Counts an open event stream, until the response has been sent.
   * @throws GraftError `overloaded`
   */
  admitStream(): void
  /**
   * Counts further requests within this one, until the response has been sent.
   * @throws GraftError `overloaded`, `rate_limited`
   */
  admitRequests(count: number): Promise<void>
}

/** A declared response that is not an error. */
export interface RouteResponse {
  description: string
  /** The schema of a JSON response. */
  schema?: z.ZodType
  /** The content types. Defaults to JSON if there is a schema, and to no content otherwise. */
  contentTypes?: readonly string[]
  /** Descriptions of the headers specific to this response. */
  headers?: Readonly<Record<string, string>>
}

export interface JsonBody<Schema extends z.ZodType = z.ZodType> {
  schema: Schema
  example: unknown
  /** How to fix a body that does not match the schema. */
  fix: string
}

/** A body that the handler reads as a stream. */
export interface UploadBody {
  contentTypes: readonly string[]
  description: string
  /** The fields of a form. If not set, the body is raw bytes. */
  form?: z.ZodType
  /** The upload limit that applies. */
  limit: 'adapter' | 'dataset'
}

/** The format of a route's errors, if it is not problem+json. */
export interface ErrorFormat {
  schema: z.ZodType
  statusOf(code: ErrorCode): number
  toResponse(problem: Problem): Response
}

interface RouteDeclaration<
  Path extends string,
  Query extends z.ZodType,
  Headers extends z.ZodType,
  Json extends z.ZodType,
  Body,
> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** The path as OpenAPI writes it: `/v1/adapters/{id}`. */
  path: Path
  /** One imperative phrase without a period. */
  summary: string
  description?: string
  tag: Tag
  /** The scope that a key needs, if there are keys. `none` is open to everyone who can reach the server. */
  scope: KeyScope | 'none'
  /** Rejects requests of web pages of other machines even if there are keys. Defaults to false. */
  checksOrigin?: boolean
  /** Descriptions of the path parameters. */
  params?: Readonly<Record<ParamsOf<Path>, string>>
  query?: {
    schema: Query
    fix: string
    /**
     * Converts the texts of the query to the input of the schema. Defaults to coercing each text to the type of its
     * field.
     */
    coerce?: (texts: RawFields) => unknown
    /** The schema to document if `schema` leaves fields open. Defaults to `schema`. */
    documentedSchema?: z.ZodObject
  }
  /** The request headers that the route reads, by their names in lower case. */
  headers?: { schema: Headers; fix: string }
  json?: JsonBody<Json>
  upload?: UploadBody
  responses: Readonly<Record<number, RouteResponse>>
  /** Errors in addition to those that follow from the rest of the declaration. */
  errors?: readonly ErrorCode[]
  /** Defaults to problem+json. */
  errorFormat?: ErrorFormat
  handle(
    context: RequestContext<ParamsOf<Path>, z.output<Query>, Body, z.output<Headers>>,
  ): Response | Promise<Response>
}

export type Tag =
  | 'Predictions'
  | 'Adapters'
  | 'Aliases'
  | 'Trainings'
  | 'Evaluations'
  | 'Comparisons'
  | 'Data sets'
  | 'Bases'
  | 'Keys'
  | 'Webhooks'
  | 'OpenAI'
  | 'Server'

/** A route without the types that only its own handler needs. */
export type Route = Omit<RouteDeclaration<string, z.ZodType, z.ZodType, z.ZodType, unknown>, 'handle'> & {
  handle(context: RequestContext): Response | Promise<Response>
}

type UploadBytes = AsyncIterable<Uint8Array>

/** Declares a route. Mounting, validation, authorization and the OpenAPI document all follow from the declaration. */
export function route<
  const Path extends string,
  Query extends z.ZodType = z.ZodUndefined,
  Headers extends z.ZodType = z.ZodUndefined,
  Json extends z.ZodType = z.ZodUndefined,
>(declaration: RouteDeclaration<Path, Query, Headers, Json, z.output<Json>> & { upload?: never }): Route {
  return declaration as unknown as Route
}

/** Declares a route whose `body` is the bytes of an upload. Otherwise it works like {@link route}. */
export function uploadRoute<
  const Path extends string,
  Query extends z.ZodType = z.ZodUndefined,
  Headers extends z.ZodType = z.ZodUndefined,
>(
  declaration: RouteDeclaration<Path, Query, Headers, z.ZodUndefined, UploadBytes> & {
    json?: never
    upload: UploadBody
  },
): Route {
  return declaration as unknown as Route
}

/** Returns a JSON response. */
export function json(value: unknown, init: { status?: number; headers?: Record<string, string> } = {}): Response {
  return new Response(JSON.stringify(value), {
    status: init.status,
    headers: { 'content-type': 'application/json', ...init.headers },
  })
}

/** Returns a name as the value of a header. Headers hold only printable ASCII, so other names are percent-encoded. */
export const toHeaderValue = (name: string): string =>
  /^[\x21-\x7e]+$/.test(name) ? name : encodeURIComponent(name.toWellFormed())
