import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The open connections, and the responses that have not been sent on them. */
export interface Connections {
  /** Adds a connection, until it closes. */
  open(socket: Socket): void
  /** Adds a response, until it has been sent or its connection is closed. */
  add(response: ServerResponse): void
  /** Resolves when the response has been sent or its connection is closed. */
  whenSent(response: ServerResponse): Promise<void>
  /** Returns whether a response is being sent on the connection. */
  isResponding(socket: Socket): boolean
  responses(): ServerResponse[]
  /** Closes the connections that wait for no response. */
  destroySilent(): void
}

export function trackConnections(): Connections {
  const sockets = new Map<Socket, Set<ServerResponse>>()
  const sent = new WeakMap<ServerResponse, PromiseWithResolvers<void>>()
  const end = (response: ServerResponse) => sent.get(response)?.resolve()
  return {
    open(socket) {
      const responses = new Set<ServerResponse>()
      sockets.set(socket, responses)
      socket.once('close', () => {
        sockets.delete(socket)
        // A response that waits for an earlier one on the same connection (pipelining) emits no event of its own.
        responses.forEach(end)
      })
    },
    add(response) {
      const responses = sockets.get(response.req.socket)
      sent.set(response, Promise.withResolvers())
      responses?.add(response)
      response.once('close', () => {
        responses?.delete(response)
        end(response)
      })
    },
    whenSent: async (response) => sent.get(response)?.promise,
    isResponding: (socket) => [...(sockets.get(socket) ?? [])].some((response) => response.socket === socket),
    responses: () => [...sockets.values()].flatMap((responses) => [...responses]),
    destroySilent() {
      for (const [socket, responses] of sockets) if (responses.size === 0) socket.destroy()
    },
  }
}
