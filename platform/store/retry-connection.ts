import { setTimeout as pause } from 'node:timers/promises'
import { isLostConnection } from './lost-connection.ts'

/**
 * Does work on the database until the connection holds. The work may have been done although it failed, so it must bear being done twice.
 * @param signal gives up, with the failure of the last attempt
 * @throws whatever the work failed of that was not the connection
 */
export async function retryOnDisconnect<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let wait = 100; ; wait = Math.min(2 * wait, 2_000)) {
    try {
      return await work()
    } catch (error) {
      if (!isLostConnection(error) || signal?.aborted) throw error
      await pause(wait, undefined, { signal }).catch(() => {})
    }
  }
}
