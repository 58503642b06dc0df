import type { JobQueue } from './queue.ts'

/**
 * Returns a queue that is opened when it is first used. A process that only answers predictions never opens it, and
 * does not wait for other processes that are opening it.
 */
export function lazyJobQueue(open: () => Promise<JobQueue>): JobQueue {
  let opening: Promise<JobQueue> | undefined
  const forward =
    (method: keyof JobQueue) =>
    async (...args: never[]) => {
      if (method === 'close' && !opening) return undefined
      opening ??= open().catch((error) => {
        opening = undefined
        throw error
      })
      const call = (await opening)[method] as (...args: never[]) => unknown
      return call(...args)
    }
  return new Proxy({} as JobQueue, { get: (_, method) => forward(method as keyof JobQueue) })
}
