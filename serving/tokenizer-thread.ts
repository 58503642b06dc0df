import { parentPort, workerData } from 'node:worker_threads'
import { makeTurns } from '../core/turns.ts'
import { type EncodedTexts, makeTextEncoder, type TextToEncode, TURN_MS } from './text-encoder.ts'

export type TokenizerRequest =
  | { kind: 'encode'; id: number; client: string; texts: readonly TextToEncode[] }
  /** Ends a request without an answer. */
  | { kind: 'cancel'; id: number }

export interface TokenizerAnswer {
  id: number
  encoded: EncodedTexts
}

interface Job {
  id: number
  client: string
  steps: Generator<void, EncodedTexts>
}

const port = parentPort
if (!port) throw new Error('serving/tokenizer-thread must run as a worker thread')
const encodeTexts = makeTextEncoder(workerData)
/** Requests take turns of a few milliseconds, so that none waits for all texts of another. */
const turns = makeTurns()
/** In the order of their last turns. */
const jobs = new Map<number, Job>()

const remove = (job: Job) => {
  if (jobs.delete(job.id)) turns.leave(job.client)
}

let isScheduled = false
/** Schedules the next turn, after the requests that have arrived. */
function schedule(): void {
  if (isScheduled || jobs.size === 0) return
  isScheduled = true
  setImmediate(takeTurn)
}

function takeTurn(): void {
  isScheduled = false
  const job = turns.next(jobs.values())
  if (!job) return
  const start = performance.now()
  const end = start + TURN_MS
  let step = job.steps.next()
  while (!step.done && performance.now() < end) step = job.steps.next()
  turns.charge(job.client, performance.now() - start)
  if (step.done) {
    remove(job)
    port?.postMessage({ id: job.id, encoded: step.value } satisfies TokenizerAnswer)
  } else {
    // To the end, behind other requests of the same client.
    jobs.delete(job.id)
    jobs.set(job.id, job)
  }
  schedule()
}

port.on('message', (request: TokenizerRequest) => {
  if (request.kind === 'cancel') {
    const job = jobs.get(request.id)
    if (job) remove(job)
    return
  }
  const { id, client, texts } = request
  jobs.set(id, { id, client, steps: encodeTexts(texts) })
  turns.enter(client)
  schedule()
})
