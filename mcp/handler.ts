import { createMcpHandler, type McpRequestContext, type McpServer } from '@modelcontextprotocol/server'
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
  return async (request, parsedBody, context) => {
    const { owner, scopes } = context.caller
    // The HTTP API has already authorized the caller. This only passes the caller on.
    const authInfo = { token: '', clientId: owner, scopes: [...scopes], extra: { context } }
    const isSubscription = (Object(parsedBody) as Message).method === 'subscriptions/listen'
    if (isSubscription && subscribesToTasks(parsedBody as Message)) return tasksRequiredResponse(parsedBody as Message)
    const response = await handler.fetch(request, { parsedBody, authInfo })
    return isSubscription ? endOnShutdown(context.shutdown, response) : response
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
