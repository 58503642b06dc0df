/** The fields of a JSON-RPC request or notification that a transport reads. */
export interface Message {
  id?: unknown
  method: string
  params?: Readonly<Record<string, unknown>>
}

const VERSION_META_KEY = 'io.modelcontextprotocol/protocolVersion'

/** The parameter that the header Mcp-Name repeats, by method. */
const NAME_PARAMS: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/cancel': 'taskId',
  'tasks/update': 'taskId',
}

/**
 * Returns the headers that Streamable HTTP requires for a message. Since revision 2026-07-28, the headers repeat parts
 * of the message.
 * @param negotiatedVersion the revision that an older client has negotiated
 */
export function toHttpHeaders(
  { method, params }: Message,
  negotiatedVersion: string | undefined,
): Record<string, string> {
  const meta = params?._meta as Readonly<Record<string, unknown>> | undefined
  const version = meta?.[VERSION_META_KEY] ?? negotiatedVersion
  const name = Object.hasOwn(NAME_PARAMS, method) ? params?.[NAME_PARAMS[method]] : undefined
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(typeof version === 'string' && { 'mcp-protocol-version': version }),
    'mcp-method': encodeHeader(method),
    ...(typeof name === 'string' && { 'mcp-name': encodeHeader(name) }),
  }
}

/** Encodes text in Base64 if a header cannot hold it, between the markers that the revision defines. */
const encodeHeader = (text: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`
