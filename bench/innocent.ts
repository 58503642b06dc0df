import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { makeKeyedClient } from './keyed-client.ts'

/** A user who asks for one prediction at a time, and for no more than a fair share. */
export interface Innocent {
  /** Sends requests one after the other. @returns the milliseconds of each */
  measureQuiet(requests: number): Promise<number[]>
  /** Sends a request every two seconds for so many seconds. @returns the milliseconds of each */
  measureLoaded(seconds: number): Promise<number[]>
  /** Answers other than 200. */
  readonly faults: readonly string[]
  stop(): Promise<unknown>
}

interface Setting {
  readonly url: string
  readonly secret: string
  readonly texts: readonly string[]
}

type Work = { requests: number } | { seconds: number }

interface Report {
  readonly times: number[]
  readonly faults: string[]
}

/** A review every two seconds is fewer than the server can answer to each key when all are busy. */
const PAUSE_MS = 2000

/**
 * Starts it in a thread of its own: its clock must not wait for the clients that make the load.
 * @param secret its key
 */
export function startInnocent(url: string, secret: string, texts: readonly string[]): Innocent {
  const setting: Setting = { url, secret, texts }
  const thread = new Worker(new URL(import.meta.url), { workerData: setting })
  const faults: string[] = []
  const ask = (work: Work) =>
    new Promise<number[]>((resolve, reject) => {
      thread.once('error', reject)
      thread.once('message', (report: Report) => {
        thread.off('error', reject)
        faults.push(...report.faults)
        resolve(report.times)
      })
      thread.postMessage(work)
    })
  return {
    measureQuiet: (requests) => ask({ requests }),
    measureLoaded: (seconds) => ask({ seconds }),
    faults,
    stop: () => thread.terminate(),
  }
}

if (!isMainThread) {
  const { url, secret, texts } = workerData as Setting
  const client = makeKeyedClient(url, secret)
  let asked = 0
  parentPort?.on('message', async (work: Work) => {
    const report: Report = { times: [], faults: [] }
    const ask = async () => {
      const body = { inputs: [texts[asked++ % texts.length]], adapter: 'film' }
      const began = performance.now()
      const answer = await client.send('POST', '/v1/predictions', { body })
      report.times.push(performance.now() - began)
      if (answer.status !== 200) report.faults.push(`innocent: ${answer.status} ${JSON.stringify(answer.body)}`)
    }
    if ('requests' in work) for (let i = 0; i < work.requests; i++) await ask()
    else
      for (const end = performance.now() + 1000 * work.seconds; performance.now() < end; await sleep(PAUSE_MS))
        await ask()
    parentPort?.postMessage(report)
  })
}
