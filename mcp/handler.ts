import { createMcpHandler, type McpRequestContext, type McpServer } from '@modelcontextprotocol/server'
import { acceptingAll, readAccept, toJsonResponse } from './accept.ts'
import { readMessage } from './read-message.ts'
import { declaresTasks, tasksRequiredError } from './tasks.ts'
import type { RequestContext } from './tool.ts'

/** Responds to a request of Streamable HTTP. `body` is the parsed JSON of the request. */
export type McpHandler = (request: Request, body: unknown, context: RequestContext) => Promise<Response>

/** Makes a server for one request. `era` is `modern` for revision 2026-07-28 and later. */
export type ServerFactory = (context: RequestContext, era: McpRequestContext['era']) => McpServer

/** The maximum number of open subscriptions. Graft does not notify clients of changes yet, but they may subscribe. */
const MAX_SUBSCRIPTIONS = 200

/** Serves clients of revisions 2026-07-28, 2025-11-25 and older. Keeps no state between requests. */
export function makeMcpHandler(makeServer: ServerFactory): McpHandler {
  const handler = createMcpHandler(({ authInfo, era }) => makeServer(authInfo?.extra?.context as RequestContext, era), {
    maxSubscriptions: MAX_SUBSCRIPTIONS,
  })
  return async (request, body, context) => {
    const { owner, scopes } = context.caller
    // The HTTP API has already authorized the caller. This only passes the caller on.
    const authInfo = { token: '', clientId: owner, scopes: [...scopes], extra: { context } }
    const accepted = readAccept(request.headers.get('accept'))
    if (!accepted.json && !accepted.events) return notAcceptable(body, 'application/json or text/event-stream')
    const message = Object(body) as Message
    const isSubscription = message.method === 'subscriptions/listen'
    if (isSubscription && subscribesToTasks(message)) return tasksRequiredResponse(message)
    if (isSubscription && !accepted.events) return notAcceptable(body, 'text/event-stream for a subscription')
    const parsedBody = readMessage(body)
    if (parsedBody instanceof Response) return parsedBody
    if (isSubscription) context.admitStream()
    const response = await handler.fetch(acceptingAll(request), { parsedBody, authInfo })
    if (isSubscription) return endOnShutdown(context.shutdown, response)
    return accepted.events ? response : toJsonResponse(response, Array.isArray(body))
  }
}

interface Message {
  id?: unknown
  method?: unknown
  params?: { notifications?: { taskIds?: unknown }; _meta?: unknown }
}

/** Returns true if the client subscribes to tasks but does not declare the extension. */
const subscribesToTasks = ({ params }: Message): boolean =>
  params?.notifications?.taskIds !== undefined && !declaresTasks(params._meta)

function tasksRequiredResponse({ id = null }: Message): Response {
  const { code, message, data } = tasksRequiredError()
  return Response.json({ jsonrpc: '2.0', id, error: { code, message, data } }, { status: 400 })
}

const INVALID_REQUEST = -32600

function notAcceptable(body: unknown, types: string): Response {
  const { id = null } = Object(body) as Message
  const message = `The Accept header allows no type of the response. Accept ${types}.`
  return Response.json({ jsonrpc: '2.0', id, error: { code: INVALID_REQUEST, message } }, { status: 406 })
}

/**
 * Ends the stream of a response when the server starts to shut down. Otherwise the server would wait for the stream.
 */
function endOnShutdown(shutdown: AbortSignal, response: Response): Response {
  const reader = response.body?.getReader()
  if (!reader) return response
  const end = () => void reader.cancel().catch(() => {})
  const removeListener = () => shutdown.removeEventListener('abort', end)
  shutdown.addEventListener('abort', end)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (!done) return controller.enqueue(value)
      removeListener()
      controller.close()
    },
    cancel(reason) {
      removeListener()
      return reader.cancel(reason)
    },
  })
  return new Response(body, response)
}
