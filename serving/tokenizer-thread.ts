import { parentPort, workerData } from 'node:worker_threads'
import type { PlainError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { makeTurns } from '../core/turns.ts'
import type { Model } from '../model/architecture.ts'
import { type EncodedText, encodeTextInSteps, type Truncation } from '../model/encode.ts'
import { makeTokenizer } from '../model/tokenizer.ts'

/** A tokenizer's files, and the token ids that enclose every text. */
export interface TokenizerData {
  json: object
  config: object
  frame: Model['frame']
}

/** A text, and each way in which it is to be truncated. */
export interface TextToEncode {
  text: string
  truncations: readonly Truncation[]
}

export type TokenizerRequest =
  | { kind: 'encode'; id: number; client: string; texts: readonly TextToEncode[] }
  /** Ends a request without an answer. */
  | { kind: 'cancel'; id: number }

/** For each text in their order: one result for each truncation, or the error of the text. */
export type EncodedTexts = (EncodedText[] | { error: PlainError })[]

export interface TokenizerAnswer {
  id: number
  encoded: EncodedTexts
}

/** How long a turn takes. Requests take turns, so that none waits for all texts of another. */
const TURN_MS = 5

interface Job {
  id: number
  client: string
  steps: Generator<void, EncodedTexts>
}

const port = parentPort
if (!port) throw new Error('serving/tokenizer-thread must run as a worker thread')
const { json, config, frame } = workerData as TokenizerData
const tokenizer = makeTokenizer(json, config)
const turns = makeTurns()
/** In the order of their last turns. */
const jobs = new Map<number, Job>()

/** Encodes the texts of a request in short steps. */
function* encodeTexts(texts: readonly TextToEncode[]): Generator<void, EncodedTexts> {
  const encoded: EncodedTexts = []
  for (const { text, truncations } of texts) {
    try {
      encoded.push(truncations.map(yield* encodeTextInSteps(tokenizer, text, frame)))
    } catch (error) {
      encoded.push({ error: toPlain(error) })
    }
  }
  return encoded
}

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
