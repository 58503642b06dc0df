import type { z } from 'zod'
import type { ErrorCode } from '../core/catalogue.ts'
import type { Caller } from '../platform/platform.ts'
import type { Texts } from '../platform/schemas/coerce-fields.ts'
import type { Problem } from '../platform/schemas/common.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'

type ParamsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamsOf<Rest>
  : never

/** What a handler is asked, read and checked. */
export interface Asked<Param extends string = string, Query = unknown, Body = unknown, Heeded = unknown> {
  params: Readonly<Record<Param, string>>
  query: Query
  body: Body
  /** Those that the route heeds. */
  headers: Heeded
  /** What kinds of answer the client takes; empty where it does not say. */
  accept: string
  /** Of the request, which the log knows it by. */
  id: string
  caller: Caller
  /** As it came. Its body has been read where the route reads one. */
  request: Request
  /** Aborts when the client has gone. */
  signal: AbortSignal
  /** Aborts when the server begins to close: for answers that would go on. */
  closing: AbortSignal
  /** The log and the metrics tell how many texts were classified. */
  noteRows(rows: number): void
}

/** An answer that is no problem. */
export interface Answer {
  description: string
  /** Of a JSON answer. */
  schema?: z.ZodType
  /** The types of its content where that is not JSON alone. */
  types?: readonly string[]
  /** Headers that matter, and what they tell. */
  headers?: Readonly<Record<string, string>>
}

export interface JsonBody<Schema extends z.ZodType = z.ZodType> {
  schema: Schema
  example: unknown
  /** How to fix a body that does not fit. */
  fix: string
}

/** A body that is handed on as it comes. */
export interface UploadBody {
  types: readonly string[]
  description: string
  /** Of a form; otherwise it is bytes. */
  form?: z.ZodType
  /** Which of the limits of uploads it is under. */
  limit: 'adapter' | 'dataset'
}

export interface Refusal {
  schema: z.ZodType
  /** The status of an error in that form. */
  statusOf(code: ErrorCode): number
  respond(problem: Problem): Response
}

interface Declaration<
  Path extends string,
  Query extends z.ZodType,
  Heeded extends z.ZodType,
  Json extends z.ZodType,
  Body,
> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As OpenAPI writes it: `/v1/adapters/{id}`. */
  path: Path
  summary: string
  description?: string
  tag: Tag
  /** What a key must allow, where there are keys. `none` is open to all who reach the server. */
  scope: KeyScope | 'none'
  params?: Readonly<Record<ParamsOf<Path>, string>>
  query?: {
    schema: Query
    fix: string
    /** Makes the schema's input of the texts; by default each text is read as its field takes it. */
    read?: (texts: Texts) => unknown
    /** What to document where the schema leaves fields open. */
    documented?: z.ZodObject
  }
  /** Request headers that it heeds, by their names in lower case. */
  headers?: { schema: Heeded; fix: string }
  json?: JsonBody<Json>
  upload?: UploadBody
  answers: Readonly<Record<number, Answer>>
  /** What it may answer beyond what follows from the rest of the declaration. */
  errors?: readonly ErrorCode[]
  /** Another form of its errors than problem+json. */
  refusal?: Refusal
  handle(asked: Asked<ParamsOf<Path>, z.output<Query>, Body, z.output<Heeded>>): Response | Promise<Response>
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
  | 'OpenAI'
  | 'Server'

/** A route as all code but its own handler sees it. */
export type Route = Omit<Declaration<string, z.ZodType, z.ZodType, z.ZodType, unknown>, 'handle'> & {
  handle(asked: Asked): Response | Promise<Response>
}

type UploadBytes = AsyncIterable<Uint8Array>

/** Declares a route. All that is done with it, mounting, reading, doors, the document, follows from this. */
export function route<
  const Path extends string,
  Query extends z.ZodType = z.ZodUndefined,
  Heeded extends z.ZodType = z.ZodUndefined,
  Json extends z.ZodType = z.ZodUndefined,
>(declaration: Declaration<Path, Query, Heeded, Json, z.output<Json>> & { upload?: never }): Route {
  return declaration as unknown as Route
}

/** As {@link route}, for one whose body is uploaded as it is: `body` gives its bytes. */
export function uploadRoute<const Path extends string, Query extends z.ZodType = z.ZodUndefined>(
  declaration: Declaration<Path, Query, z.ZodUndefined, z.ZodUndefined, UploadBytes> & {
    json?: never
    upload: UploadBody
  },
): Route {
  return declaration as unknown as Route
}

/** A JSON answer. */
export function json(value: unknown, init: { status?: number; headers?: Record<string, string> } = {}): Response {
  return new Response(JSON.stringify(value), {
    status: init.status,
    headers: { 'content-type': 'application/json', ...init.headers },
  })
}

/** Headers hold printable ASCII alone; what else a name has comes in per cent notation. */
export const inHeader = (name: string): string =>
  /^[\x21-\x7e]+$/.test(name) ? name : encodeURIComponent(name.toWellFormed())
