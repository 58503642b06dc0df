import { GraftError } from '../../core/errors.ts'
import type { Pool } from '../../graph/runtime/pool.ts'
import type { StateFolder } from './state-folder.ts'

/** Runs a training on a pool, and leaves its state folder as its outcome requires. Closes both. */
export async function withStates<T>(
  states: Pick<StateFolder, 'remove' | 'close'>,
  pool: Pool,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    // Resuming would diverge again. The folder must be free for a training with other settings.
    if (error instanceof GraftError && error.code === 'training_diverged') states.remove()
    throw error
  } finally {
    await pool.close()
    states.close()
  }
}
