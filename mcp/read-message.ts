import { z } from 'zod'
import { GraftError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { parse } from '../platform/schemas/parse.ts'
import { toProblem } from '../platform/schemas/problem.ts'
import { toProtocolError } from './protocol-error.ts'

// The SDK would describe a message that does not follow the protocol in the words of its schema library.

const text = z.string('a text')
const anyObject = z.looseObject({}, 'an object')
const implementation = z.looseObject({ name: text, version: text }, 'an object with name and version')

const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'

/** The description that a request of revision 2026-07-28 has of itself. */
const meta = z.looseObject(
  {
    [PROTOCOL_VERSION]: text.optional(),
    'io.modelcontextprotocol/clientInfo': implementation.optional(),
    'io.modelcontextprotocol/clientCapabilities': anyObject.optional(),
  },
  'an object',
)

const paramsOf = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.looseObject({ _meta: meta.optional(), ...shape }, 'an object')

/** The parameters of each method that has some. Null for an optional one means that it is not set. */
const METHODS: Readonly<Record<string, z.ZodType>> = {
  initialize: paramsOf({ protocolVersion: text, capabilities: anyObject, clientInfo: implementation }),
  'tools/list': paramsOf({ cursor: text.optional() }),
  'tools/call': paramsOf({ name: text, arguments: anyObject.optional() }),
  'prompts/list': paramsOf({ cursor: text.optional() }),
  'prompts/get': paramsOf({ name: text, arguments: z.record(z.string(), text, 'an object of texts').optional() }),
  'resources/list': paramsOf({ cursor: text.optional() }),
  'resources/templates/list': paramsOf({ cursor: text.optional() }),
  'resources/read': paramsOf({ uri: text }),
  'tasks/get': paramsOf({ taskId: text }),
  'tasks/cancel': paramsOf({ taskId: text }),
  'tasks/update': paramsOf({ taskId: text, inputResponses: anyObject.optional() }),
}

interface Message {
  id?: unknown
  method: string
  params?: unknown
}

/**
 * Returns a message, or a batch of them, with parameters that follow the protocol, or a response that says which does
 * not. What is not a request is left to the SDK.
 */
export function readMessage(body: unknown): unknown {
  if (Array.isArray(body)) {
    const messages = body.map(readMessage)
    return messages.find((message) => message instanceof Response) ?? messages
  }
  if (!isRequest(body)) return body
  try {
    const params = parse(METHODS[body.method], body.params ?? {}, 'params', 'Send what the protocol requires.')
    return body.params === undefined ? body : { ...body, params }
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    const { code, message, data } = toProtocolError(toProblem(toPlain(error)))
    return Response.json({ jsonrpc: '2.0', id: body.id, error: { code, message, data } })
  }
}

const isRequest = (body: unknown): body is Message => {
  const { method, id, params } = Object(body)
  // Revision 2026-07-28, whose requests say so themselves, has no such method.
  const isUnknown = method === 'initialize' && Object(params)._meta?.[PROTOCOL_VERSION] !== undefined
  return typeof method === 'string' && Object.hasOwn(METHODS, method) && id !== undefined && !isUnknown
}
