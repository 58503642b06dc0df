import { makeFreeList } from '../../core/free-list.ts'
import type { LoadedProgram } from '../../graph/runtime/pool.ts'
import type { Data, Values } from '../../graph/runtime/session.ts'
import type { Symbols } from '../../graph/types.ts'
import type { NamedShape } from '../../model/tensor-shapes.ts'
import { gradientName } from './gradient-program.ts'
import { addInto, allocatePacked, type PackedTensors, partsOf } from './packed-tensors.ts'
import { addRows } from './scattered-gradients.ts'

/** The inputs of one run of a gradient program. */
export interface MicroBatch {
  feeds: Values
  symbols: Symbols
}

/**
 * Makes an accumulator, which runs the micro-batches of a step on all threads of a pool and sums their gradients. It
 * adds them in the order of the micro-batches, whichever finishes first, so any number of threads gives the same bytes.
 * @param program a loaded gradient program
 * @param scattered the gradients that the program returns in parts (`splitScatters`). Defaults to none
 */
export function makeGradientAccumulator(
  program: LoadedProgram,
  trained: readonly NamedShape[],
  threads: number,
  scattered: ReadonlySet<string> = new Set(),
) {
  const { vector: total, views } = allocatePacked(trained)
  const isWhole = ({ name }: NamedShape) => !scattered.has(gradientName(name))
  // Few long loops: V8 compiles the loop over a vector to code that is four times as fast as one over each tensor.
  const wholeParts = partsOf(total, trained, isWhole)
  const inRows = trained.filter((tensor) => !isWhole(tensor))
  const slots = makeFreeList(
    Array.from({ length: threads }, () => allocatePacked(trained.filter(isWhole), gradientName)),
  )
  const add = ({ vector }: PackedTensors, results: Readonly<Record<string, Data>>, isFirst: boolean) => {
    let at = 0
    for (const part of wholeParts) {
      const gradient = vector.subarray(at, at + part.length)
      if (isFirst) part.set(gradient)
      else addInto(part, gradient)
      at += part.length
    }
    for (const { name } of inRows) {
      if (isFirst) views[name].fill(0)
      addRows(views[name], gradientName(name), results)
    }
  }

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
          add(slot, results, i === 0)
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
