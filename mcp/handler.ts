import { createMcpHandler, type McpRequestContext, type McpServer } from '@modelcontextprotocol/server'
import { declaresTasks, tasksRequired } from './tasks.ts'
import type { Asked } from './tool.ts'

/** Answers a request of Streamable HTTP. `body` is its JSON, which has been read. */
export type McpHandler = (request: Request, body: unknown, asked: Asked) => Promise<Response>

/** A server for what one client asks. `modern` is revision 2026-07-28 and later ones. */
export type MakeServer = (asked: Asked, era: McpRequestContext['era']) => McpServer

/** At a time. Nothing here tells of changes yet, but a client may ask to hear of them. */
const SUBSCRIPTIONS = 200

/** Serves clients of the revisions 2026-07-28 and 2025-11-25 (and older ones); no state is kept between requests. */
export function makeMcpHandler(make: MakeServer): McpHandler {
  const handler = createMcpHandler(({ authInfo, era }) => make(authInfo?.extra?.asked as Asked, era), {
    maxSubscriptions: SUBSCRIPTIONS,
  })
  return async (request, parsedBody, asked) => {
    const { owner, scopes } = asked.caller
    // The doors have let the caller in; this only hands on who it is.
    const authInfo = { token: '', clientId: owner, scopes: [...scopes], extra: { asked } }
    const listens = (Object(parsedBody) as Message).method === 'subscriptions/listen'
    if (listens && asksForTasks(parsedBody as Message)) return withoutTasks(parsedBody as Message)
    const response = await handler.fetch(request, { parsedBody, authInfo })
    return listens ? endingWith(asked.closing, response) : response
  }
}

interface Message {
  id?: unknown
  method?: unknown
  params?: { notifications?: { taskIds?: unknown }; _meta?: unknown }
}

/** To hear of tasks without being a client that takes them. */
const asksForTasks = ({ params }: Message): boolean =>
  params?.notifications?.taskIds !== undefined && !declaresTasks(params._meta)

function withoutTasks({ id = null }: Message): Response {
  const { code, message, data } = tasksRequired()
  return Response.json({ jsonrpc: '2.0', id, error: { code, message, data } }, { status: 400 })
}

/** Its stream ends when the server begins to close, which would wait for it otherwise. */
function endingWith(closing: AbortSignal, response: Response): Response {
  const reader = response.body?.getReader()
  if (!reader) return response
  const end = () => void reader.cancel().catch(() => {})
  const forget = () => closing.removeEventListener('abort', end)
  closing.addEventListener('abort', end)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (!done) return controller.enqueue(value)
      forget()
      controller.close()
    },
    cancel(reason) {
      forget()
      return reader.cancel(reason)
    },
  })
  return new Response(body, response)
}
