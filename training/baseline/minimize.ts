/** The value of a function at a point. Writes the gradient there into its second argument. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number

/** The number of earlier steps that approximate the curvature. */
const MEMORY = 10
const MAX_STEPS = 200
/** Stops when the gradient is this many times shorter than at the start. */
const TOLERANCE = 1e-3
/** A step must decrease the function by this share of what the gradient promises (Armijo 1966). */
const SUFFICIENT_DECREASE = 1e-4

/**
 * Returns the minimum of a smooth convex function by L-BFGS, with a backtracking line search (Nocedal and Wright 2006,
 * algorithms 7.4 and 3.1). It starts at 0 and draws no random numbers.
 */
export function minimize(size: number, objective: Objective): Float64Array {
  let x = new Float64Array(size)
  let gradient = new Float64Array(size)
  let value = objective(x, gradient)
  const small = TOLERANCE * norm(gradient)
  /** The last steps, the differences of their gradients, and 1 / (step · difference). */
  const history: { step: Float64Array; change: Float64Array; scale: number }[] = []
  for (let count = 0; count < MAX_STEPS && norm(gradient) > small; count++) {
    const direction = descentDirection(gradient, history)
    const slope = dot(gradient, direction)
    const next = new Float64Array(size)
    const nextGradient = new Float64Array(size)
    // The first direction is only the gradient, whose length says nothing about the length of a good step.
    let length = count === 0 ? 1 / norm(gradient) : 1
    let nextValue = Number.POSITIVE_INFINITY
    for (; length > 1e-12; length /= 2) {
      for (let i = 0; i < size; i++) next[i] = x[i] + length * direction[i]
      nextValue = objective(next, nextGradient)
      if (nextValue <= value + SUFFICIENT_DECREASE * length * slope) break
    }
    // Rounding hides any further decrease.
    if (!(nextValue < value)) break
    const step = next.map((to, i) => to - x[i])
    const change = nextGradient.map((to, i) => to - gradient[i])
    const curvature = dot(step, change)
    if (curvature > 0) history.push({ step, change, scale: 1 / curvature })
    if (history.length > MEMORY) history.shift()
    x = next
    gradient = nextGradient
    value = nextValue
  }
  return x
}

/** Returns minus the gradient times the approximated inverse of the curvature: the two-loop recursion. */
function descentDirection(
  gradient: Float64Array,
  history: readonly { step: Float64Array; change: Float64Array; scale: number }[],
): Float64Array {
  const direction = gradient.map((g) => -g)
  const shares: number[] = []
  for (const { step, change, scale } of history.toReversed()) {
    const share = scale * dot(step, direction)
    shares.push(share)
    addScaled(direction, change, -share)
  }
  const last = history.at(-1)
  if (last) {
    const factor = 1 / (last.scale * dot(last.change, last.change))
    for (let i = 0; i < direction.length; i++) direction[i] *= factor
  }
  for (const { step, change, scale } of history)
    addScaled(direction, step, (shares.pop() as number) - scale * dot(change, direction))
  return direction
}

function addScaled(to: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < to.length; i++) to[i] += factor * vector[i]
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

const norm = (vector: Float64Array): number => Math.sqrt(dot(vector, vector))
