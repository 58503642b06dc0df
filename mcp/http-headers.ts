/** A request or notification of JSON-RPC, as far as a carrier looks at it. */
export interface Message {
  id?: unknown
  method: string
  params?: Readonly<Record<string, unknown>>
}

const VERSION = 'io.modelcontextprotocol/protocolVersion'

/** Where a method has what the header Mcp-Name repeats. */
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/cancel': 'taskId',
  'tasks/update': 'taskId',
}

/**
 * The headers with which Streamable HTTP carries a message: since revision 2026-07-28 they repeat what the message says.
 * @param agreed the revision that an older client has agreed on
 */
export function headersOf({ method, params }: Message, agreed: string | undefined): Record<string, string> {
  const meta = params?._meta as Readonly<Record<string, unknown>> | undefined
  const version = meta?.[VERSION] ?? agreed
  const name = Object.hasOwn(NAMED, method) ? params?.[NAMED[method]] : undefined
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(typeof version === 'string' && { 'mcp-protocol-version': version }),
    'mcp-method': inHeader(method),
    ...(typeof name === 'string' && { 'mcp-name': inHeader(name) }),
  }
}

/** What a header cannot hold as it is goes as Base64, between marks that the revision gives. */
const inHeader = (text: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`
