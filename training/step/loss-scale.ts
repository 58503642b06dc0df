import { add, less, scale, where } from '../../graph/ops/elementwise.ts'
import { input, scalar } from '../../graph/ops/leaf.ts'
import { reshape } from '../../graph/ops/shape.ts'
import { concat, slice } from '../../graph/ops/slice.ts'
import type { Tensor } from '../../graph/tensor.ts'

/**
 * The vector of dynamic loss scaling: [factor, good steps since it changed, steps skipped so far]. It is computed on
 * the device.
 *
 * The loss is multiplied by the factor, so that small gradients do not become zero in f16. If a gradient is not finite,
 * the step is skipped and the factor is halved. After many good steps it is doubled (Micikevicius et al. 2018, arXiv
 * 1710.03740, section 3.2, with the numbers of torch's GradScaler).
 */
export const LOSS_SCALE_TYPE = { dtype: 'f32', shape: [3] } as const

export const initialLossScale = (): Float32Array => Float32Array.of(65536, 0, 0)

export const skippedSteps = (vector: ArrayLike<number>): number => vector[2]

/** Good steps after which the factor is doubled. */
const GROWTH_INTERVAL_STEPS = 2000

const element = (index: number): Tensor =>
  reshape(slice(input('loss_scale', LOSS_SCALE_TYPE.dtype, [3]), 0, index, 1), [])

/** Returns the factor, read from the input `loss_scale`. */
export const lossFactor = (): Tensor => element(0)

/** Returns the vector after a step. `usable` says whether its gradient was finite. */
export function nextLossScale(usable: Tensor): Tensor {
  const [factor, good, skipped] = [element(0), add(element(1), scalar(1)), element(2)]
  const grows = less(scalar(GROWTH_INTERVAL_STEPS - 0.5), good)
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
