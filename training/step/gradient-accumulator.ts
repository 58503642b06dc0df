import { makeFreeList } from '../../core/free-list.ts'
import type { LoadedProgram } from '../../graph/runtime/pool.ts'
import type { Data, Values } from '../../graph/runtime/session.ts'
import type { Symbols } from '../../graph/types.ts'
import type { NamedShape } from '../../model/tensor-shapes.ts'
import { gradientName } from './gradient-program.ts'
import { addInto, allocatePacked } from './packed-tensors.ts'

/** The inputs of one run of a gradient program. */
export interface MicroBatch {
  feeds: Values
  symbols: Symbols
}

/**
 * Makes an accumulator, which runs the micro-batches of a step on all threads of a pool and sums their gradients. It
 * adds them in the order of the micro-batches, whichever finishes first, so any number of threads gives the same bytes.
 * @param program a loaded gradient program
 */
export function makeGradientAccumulator(program: LoadedProgram, trained: readonly NamedShape[], threads: number) {
  const { vector: total, views } = allocatePacked(trained)
  const slots = makeFreeList(Array.from({ length: threads }, () => allocatePacked(trained, gradientName)))

  return {
    gradient: total,
    /** The sums of the gradients by the names of the tensors, as views of `gradient`. */
    views,
    /**
     * Replaces `gradient` by the sum over these micro-batches, and returns the sum of their losses.
     * @param onResults receives the results of each micro-batch that are not gradients, in order
     */
    async accumulate(
      batches: readonly MicroBatch[],
      onResults?: (results: Record<string, Data>) => void,
    ): Promise<number> {
      let loss = 0
      let turn = Promise.resolve()
      for (const [i, { feeds, symbols }] of batches.entries()) {
        const slot = await slots.acquire()
        const run = program.run(feeds, symbols, slot.views)
        turn = Promise.all([run, turn]).then(([results]) => {
          loss += results.loss[0] as number
          onResults?.(results)
          if (i === 0) total.set(slot.vector)
          else addInto(total, slot.vector)
          slots.release(slot)
        })
        // The await below throws this error, once the micro-batches that are running have finished.
        turn.catch(() => slots.release(slot))
      }
      await turn
      return loss
    },
  }
}
