import type { IncomingMessage } from 'node:http'

export interface DiscardLimits {
  /** The longest pause between two chunks. */
  idleSeconds: number
  /** The time for all of the rest. */
  totalSeconds: number
}

/**
 * Reads the rest of a body after the response has been sent, and forgets it. Many clients read no response before they
 * have sent the whole body. If the connection were closed, they would fail without ever seeing why.
 */
export function discardBody(request: IncomingMessage, { idleSeconds, totalSeconds }: DiscardLimits): void {
  if (request.complete || request.destroyed) return
  const close = () => request.socket.destroy()
  const idle = setTimeout(close, idleSeconds * 1000)
  const total = setTimeout(close, totalSeconds * 1000)
  const stop = () => {
    clearTimeout(idle)
    clearTimeout(total)
    request.socket.off('close', stop)
  }
  request.on('data', () => idle.refresh())
  request.once('end', stop)
  // A request whose response has been sent does not emit `close` when its connection closes.
  request.socket.once('close', stop)
  request.on('error', () => {})
  request.resume()
}
