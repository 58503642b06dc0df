/** Called with the share of the bytes that were sent, from 0 to 1. */
export type OnSent = (share: number) => void

/**
 * Returns a function that sends requests like `fetch`, and reports how much of the body was sent, which `fetch` cannot.
 * @param signal stops the requests
 */
export const sendWithProgress =
  (onSent: OnSent, signal: AbortSignal) =>
  (url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      request.open(method, url)
      new Headers(headers).forEach((value, name) => {
        request.setRequestHeader(name, value)
      })
      request.responseType = 'blob'
      request.upload.onprogress = ({ loaded, total }) => onSent(loaded / Math.max(1, total))
      request.onload = () => {
        const type = request.getResponseHeader('content-type') ?? ''
        resolve(new Response(request.response, { status: request.status, headers: { 'content-type': type } }))
      }
      request.onerror = () => reject(new TypeError('the connection was lost'))
      request.onabort = () => reject(signal.reason)
      signal.addEventListener('abort', () => request.abort())
      request.send(body as XMLHttpRequestBodyInit)
    })
