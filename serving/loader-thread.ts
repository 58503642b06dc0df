import { parentPort, workerData } from 'node:worker_threads'
import { type LoaderRequest, makeAdapterReader } from './adapter-reader.ts'

const port = parentPort
if (!port) throw new Error('serving/loader-thread must run as a worker thread')
const answer = makeAdapterReader(workerData, (notice) => port.postMessage(notice))

let turn: Promise<void> = Promise.resolve()
port.on('message', (request: LoaderRequest) => {
  turn = turn.then(async () => {
    port.postMessage(await answer(request))
    if (request.kind === 'close') port.close()
  })
})
