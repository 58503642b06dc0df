/** How the requests of one pipeline went. */
export interface Downloads {
  /** The failure of the hub, as a predicate. Not set if there was none. */
  outage?: string
  /** True if there was more to download than allowed. */
  exceeded: boolean
}

/**
 * Returns a function like `fetch` that counts what it downloads.
 * @param maxBytes the most bytes of all responses together. Defaults to no limit
 * @param downloads receives what went wrong
 */
export function limitFetch(maxBytes = Number.POSITIVE_INFINITY, downloads: Downloads): typeof fetch {
  let total = 0
  const requireAllowed = (bytes: number) => {
    if (total + bytes <= maxBytes) return
    downloads.exceeded = true
    throw new Error(`there is more to download than ${maxBytes} bytes`)
  }
  return async (...request) => {
    const response = await fetch(...request).catch((error) => {
      downloads.outage = `cannot be reached: ${(error.cause ?? error).message}`
      throw error
    })
    if (response.status >= 500 || response.status === 429) downloads.outage = `responded with status ${response.status}`
    if (!response.ok || !response.body || request[1]?.method === 'HEAD') return response
    // Before the body is read, so that nothing is downloaded in vain.
    requireAllowed(Number(response.headers.get('content-length') ?? 0))
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        requireAllowed(chunk.length)
        total += chunk.length
        controller.enqueue(chunk)
      },
    })
    const { status, statusText, headers } = response
    return new Response(response.body.pipeThrough(counter), { status, statusText, headers })
  }
}
