import { setTimeout as sleep } from 'node:timers/promises'
import { isLostConnection } from '../../core/lost-connection.ts'

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 2_000

/**
 * Retries a database operation while the connection is down. The operation must be idempotent, because it may have
 * committed even though it threw.
 * @param signal stops the retries; the error of the last attempt is thrown
 * @throws any error of the operation that is not a lost connection
 */
export async function retryOnDisconnect<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, MAX_DELAY_MS)) {
    try {
      return await work()
    } catch (error) {
      if (!isLostConnection(error) || signal?.aborted) throw error
      await sleep(delay, undefined, { signal }).catch(() => {})
    }
  }
}
