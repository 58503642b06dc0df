import type { JobQueue } from './queue.ts'

/** The queue, opened when it is first used: a process that only answers never does, nor waits for others that are opening it. */
export function lazyJobQueue(open: () => Promise<JobQueue>): JobQueue {
  let opening: Promise<JobQueue> | undefined
  const use =
    (method: keyof JobQueue) =>
    async (...asked: never[]) => {
      if (method === 'close' && !opening) return undefined
      opening ??= open().catch((error) => {
        opening = undefined
        throw error
      })
      const call = (await opening)[method] as (...asked: never[]) => unknown
      return call(...asked)
    }
  return new Proxy({} as JobQueue, { get: (_, method) => use(method as keyof JobQueue) })
}
