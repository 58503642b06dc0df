import { createMcpHandler } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { makeMcpServer } from './server.ts'
import type { Asked } from './tool.ts'

/** Answers a request of Streamable HTTP. `body` is its JSON, which has been read. */
export type McpHandler = (request: Request, body: unknown, asked: Asked) => Promise<Response>

/** At a time. Nothing here tells of changes yet, but a client may ask to hear of them. */
const SUBSCRIPTIONS = 200

/** Serves the tools to clients of the revisions 2026-07-28 and 2025-11-25 (and older ones); no state is kept between requests. */
export function makeMcpHandler(platform: Platform, version: string): McpHandler {
  const handler = createMcpHandler(
    ({ authInfo }) => makeMcpServer(platform, version, authInfo?.extra?.asked as Asked),
    { maxSubscriptions: SUBSCRIPTIONS },
  )
  return async (request, parsedBody, asked) => {
    const { owner, scopes } = asked.caller
    // The doors have let the caller in; this only hands on who it is.
    const authInfo = { token: '', clientId: owner, scopes: [...scopes], extra: { asked } }
    const response = await handler.fetch(request, { parsedBody, authInfo })
    const { method } = Object(parsedBody) as { method?: unknown }
    return method === 'subscriptions/listen' ? endingWith(asked.closing, response) : response
  }
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
