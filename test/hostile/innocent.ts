import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Client } from './client.ts'

interface Row {
  label: string
  scores: Record<string, number>
}

/** A client that classifies the same texts all the time, and expects the same answers within a bound of time. */
export interface Innocent extends Client {
  /** Expects the answer that it got first. */
  check(): Promise<void>
  /**
   * Checks again and again until the returned function is called, which rejects if any check failed.
   * @param interrupts whether the database may be unavailable meanwhile
   */
  watch(interrupts?: boolean): () => Promise<void>
  /** The seconds of its slowest answer. */
  readonly slowestSeconds: number
  readonly checks: number
  /** The answer that it got first. */
  readonly reference: readonly Row[]
}

/** Far more than an answer takes on a busy machine. Attacks that succeeded made it wait for longer, or forever. */
const BOUND_SECONDS = 30
const PAUSE_MS = 50
const TOLERANCE = 1e-4

const inputs = ['A joy from start to finish.', 'Dull, and far too long.', 'The film has a beginning and an end.']

/**
 * Makes an innocent client.
 * @param before the answers that it must get. Defaults to what the server answers now.
 */
export async function makeInnocent(
  client: Client,
  before?: Pick<Innocent, 'reference' | 'checks' | 'slowestSeconds'>,
): Promise<Innocent> {
  const ask = async (interrupts = false): Promise<Row[] | 'interrupted'> => {
    const { status, code, body } = await client.send('POST', '/v1/predictions', { body: { inputs, adapter: 'film' } })
    if (interrupts && code === 'store_unavailable') return 'interrupted'
    expect(status, JSON.stringify(body)).toBe(200)
    return body.results
  }
  const reference = before?.reference ?? ((await ask()) as Row[])
  let { slowestSeconds, checks } = before ?? { slowestSeconds: 0, checks: 0 }
  const check = async (interrupts?: boolean) => {
    const begun = performance.now()
    const rows = await ask(interrupts)
    const seconds = (performance.now() - begun) / 1000
    slowestSeconds = Math.max(slowestSeconds, seconds)
    if (rows === 'interrupted') return
    checks++
    expect(seconds, 'seconds of an innocent prediction').toBeLessThan(BOUND_SECONDS)
    expect(rows?.map(({ label }) => label)).toEqual(reference.map(({ label }) => label))
    for (const [i, { scores }] of rows.entries())
      for (const [label, score] of Object.entries(reference[i].scores))
        expect(Math.abs(scores[label] - score), `probability of ${label}`).toBeLessThan(TOLERANCE)
  }
  return {
    ...client,
    reference,
    check: () => check(),
    watch(interrupts) {
      let isOver = false
      const watching = (async () => {
        do {
          await check(interrupts)
          await pause(PAUSE_MS)
        } while (!isOver)
      })()
      // The failure is reported at the end of the attack.
      watching.catch(() => {})
      return () => {
        isOver = true
        return watching
      }
    },
    get slowestSeconds() {
      return slowestSeconds
    },
    get checks() {
      return checks
    },
  }
}
