import { freeList } from '../../core/free-list.ts'
import type { Loaded } from '../../graph/runtime/pool.ts'
import type { Values } from '../../graph/runtime/session.ts'
import type { Symbols } from '../../graph/types.ts'
import type { NamedShape } from '../../model/t5/tensors.ts'
import { flat } from './flat.ts'
import { gradientName } from './gradient-program.ts'

export interface MicroBatch {
  feeds: Values
  symbols: Symbols
}

/**
 * Runs the micro-batches of a step on all threads of a pool and sums their gradients in the order of the micro-batches, whichever is done
 * first: the same bytes on any number of threads.
 * @param program a gradient program, loaded
 */
export function gradientSum(program: Loaded, trained: readonly NamedShape[], threads: number) {
  const total = flat(trained).vector
  const slots = freeList(Array.from({ length: threads }, () => flat(trained, gradientName)))

  return {
    gradient: total,
    /** Leaves the sum in `gradient` and returns the loss. */
    async sum(batches: readonly MicroBatch[]): Promise<number> {
      let loss = 0
      let turn = Promise.resolve()
      for (const [i, { feeds, symbols }] of batches.entries()) {
        const slot = await slots.take()
        const run = program.run(feeds, symbols, slot.views)
        turn = Promise.all([run, turn]).then(([results]) => {
          loss += results.loss[0] as number
          if (i === 0) total.set(slot.vector)
          else addInto(total, slot.vector)
          slots.give(slot)
        })
        // A failure is met at the end; until then the others go on.
        turn.catch(() => slots.give(slot))
      }
      await turn
      return loss
    },
  }
}

function addInto(total: Float32Array, part: Float32Array): void {
  for (let i = 0; i < total.length; i++) total[i] += part[i]
}
