import type { Jobs } from './queue.ts'

/** The queue, opened when it is first used: a process that only answers never does, nor waits for others that are opening it. */
export function jobsWhenUsed(open: () => Promise<Jobs>): Jobs {
  let opening: Promise<Jobs> | undefined
  const use =
    (method: keyof Jobs) =>
    async (...asked: never[]) => {
      if (method === 'close' && !opening) return undefined
      opening ??= open().catch((error) => {
        opening = undefined
        throw error
      })
      const call = (await opening)[method] as (...asked: never[]) => unknown
      return call(...asked)
    }
  return new Proxy({} as Jobs, { get: (_, method) => use(method as keyof Jobs) })
}
