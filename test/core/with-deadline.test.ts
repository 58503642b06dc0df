import { expect, test } from 'vitest'
import { withDeadline } from '../../core/with-deadline.ts'

const makeError = () => new Error('too late')
/** Work that ends only when its signal aborts. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

test('work that ends in time keeps its result, and its signal never aborts', async () => {
  let signal: AbortSignal | undefined
  const work = async (given: AbortSignal) => {
    signal = given
    return 'done'
  }
  expect(await withDeadline(work, 20, makeError)).toBe('done')
  expect(await withDeadline(work, undefined, makeError)).toBe('done')
  await new Promise((resolve) => setTimeout(resolve, 40))
  expect(signal?.aborted).toBe(false)
})

test('work that does not end in time is aborted with the error', async () => {
  await expect(withDeadline(untilAborted, 10, makeError)).rejects.toThrow('too late')
})

test('the outer signal aborts the work with its own reason, also before it starts', async () => {
  const stop = new AbortController()
  const work = expect(withDeadline(untilAborted, 10_000, makeError, stop.signal)).rejects.toThrow('gone')
  stop.abort(new Error('gone'))
  await work
  await expect(withDeadline(untilAborted, undefined, makeError, stop.signal)).rejects.toThrow('gone')
})
