import { gzip } from 'node:zlib'

/** Returns whether a client reads gzip. */
export const acceptsGzip = (headers: Headers): boolean =>
  /\bgzip\b(?!;\s*q=0(?:\.0*)?(?:,|$))/.test(headers.get('accept-encoding') ?? '')

/** The headers of content that is sent in gzip or as it is: caches must keep both. */
export const encodingHeaders = (isGzip: boolean): Record<string, string> => ({
  vary: 'accept-encoding',
  ...(isGzip && { 'content-encoding': 'gzip' }),
})

/** Compresses on another thread, so that the event loop is free meanwhile. */
export const compress = (content: Uint8Array): Promise<Buffer<ArrayBuffer>> =>
  new Promise((resolve, reject) => gzip(content, (error, result) => (error ? reject(error) : resolve(result))))
