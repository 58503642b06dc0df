import { add, less, scale, where } from '../../graph/ops/elementwise.ts'
import { input, scalar } from '../../graph/ops/leaf.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, arXiv 1710.03740, section 3.2, with the numbers of torch's GradScaler): the loss is
 * multiplied by a factor, so that small gradients do not vanish in f16. A step whose gradient is not finite is skipped, and the factor
 * halved; after many good steps it is doubled. The vector [factor, good steps since it changed, steps skipped so far] is made on the device.
 */
export const LOSS_SCALE = { dtype: 'f32', shape: [3] } as const

export const initialLossScale = (): Float32Array => Float32Array.of(65536, 0, 0)
export const skippedSteps = (vector: ArrayLike<number>): number => vector[2]

const GROWS_AFTER = 2000

const part = (index: number): Tensor => reshape(slice(input('loss_scale', LOSS_SCALE.dtype, [3]), 0, index, 1), [])

/** The factor, out of the input `loss_scale`. */
export const lossFactor = (): Tensor => part(0)

/** The vector after a step whose gradient was usable, or not. */
export function nextLossScale(usable: Tensor): Tensor {
  const [factor, good, skipped] = [part(0), add(part(1), scalar(1)), part(2)]
  const grows = less(scalar(GROWS_AFTER - 0.5), good)
  const next = [
    where(usable, where(grows, scale(factor, 2), factor), scale(factor, 0.5)),
    where(usable, where(grows, scalar(0), good), scalar(0)),
    where(usable, skipped, add(skipped, scalar(1))),
  ]
  return concat(
    next.map((x) => reshape(x, [1])),
    0,
  )
}
