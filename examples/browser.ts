// Writes a page that classifies in the browser, with an adapter and without any other server, and serves it on this
// machine. Any web server can serve the folder.
//   node examples/browser.ts [ADAPTER_DIR] [OUT_DIR]
import { cpSync, createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { exportFolder } from '../platform/offline/checkpoints.ts'

const [adapter = 'base/film', out = 'film-page'] = process.argv.slice(2)
const library = join(import.meta.dirname, '../node_modules')

await exportFolder(adapter, 'onnx', join(out, 'model'))
cpSync(join(import.meta.dirname, 'browser'), out, { recursive: true })
for (const file of [
  '@huggingface/transformers/dist/transformers.min.js',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.mjs',
  'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
])
  cpSync(join(library, file), join(out, 'vendor', file.slice(file.lastIndexOf('/'))))

const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
}
// With these two headers, a browser allows the threads of WebAssembly.
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  // A normalized absolute path does not leave the folder.
  const path = join(out, normalize(pathname === '/' ? '/index.html' : decodeURIComponent(pathname)))
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isFile()) return void response.writeHead(404, ISOLATED).end()
  const type = TYPES[extname(path)] ?? 'application/octet-stream'
  response.writeHead(200, { ...ISOLATED, 'content-type': type, 'content-length': found.size })
  createReadStream(path).pipe(response)
})
server.listen(Number(process.env.PORT ?? 8081), '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
)
