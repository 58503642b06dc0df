import { parentPort, workerData } from 'node:worker_threads'
import { giveWay } from '../core/give-way.ts'
import { type LoaderRequest, makeAdapterReader } from './adapter-reader.ts'

const NICENESS = 10

const port = parentPort
if (!port) throw new Error('serving/loader-thread must run as a worker thread')
// Predictions go first. Elsewhere than on Linux, this would be the priority of the whole process.
if (process.platform === 'linux') giveWay(0, NICENESS)
const answer = makeAdapterReader(workerData, (notice) => port.postMessage(notice))

let turn: Promise<void> = Promise.resolve()
port.on('message', (request: LoaderRequest) => {
  turn = turn.then(async () => {
    port.postMessage(await answer(request))
    if (request.kind === 'close') port.close()
  })
})
