import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { onTestFinished } from 'vitest'

interface Received {
  id: string
  message: { type: string; timestamp: string; data: Record<string, unknown> }
}

/** Opens a receiver of webhooks until the test ends. It verifies every signature with the library of the standard. */
export async function openReceiver() {
  const state = { secret: '', statuses: [] as number[] }
  const received: Received[] = []
  const failures: unknown[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
    try {
      const message = new Webhook(state.secret).verify(
        body,
        request.headers as IncomingHttpHeaders & Record<string, string>,
      )
      received.push({ id: String(request.headers['webhook-id']), message: message as Received['message'] })
    } catch (error) {
      failures.push(error)
    }
    response.writeHead(state.statuses.shift() ?? 204, { location: '/elsewhere' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    /** Messages with a valid signature, in each attempt. */
    received,
    /** Messages without one. */
    failures,
    /** Sets the key of the signatures. */
    trust(secret: string) {
      state.secret = secret
    },
    /** Sets the statuses of the next answers. Those after them are 204. */
    answer(...statuses: number[]) {
      state.statuses = statuses
    },
  }
}
