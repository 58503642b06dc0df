/**
 * Returns the chance that Student's t is at least this far from 0, on either side.
 * @param degrees degrees of freedom, any positive number
 */
export function studentTwoSidedP(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
}

/** Returns the distance from 0 that Student's t exceeds, on either side, with this chance. */
export function studentCriticalValue(chance: number, degrees: number): number {
  let [low, high] = [0, 1]
  while (studentTwoSidedP(high, degrees) > chance) high *= 2
  // Halving the interval 60 times exhausts the precision of a float.
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (studentTwoSidedP(middle, degrees) > chance) low = middle
    else high = middle
  }
  return high
}

/** Returns the regularized incomplete beta function (DLMF 8.17). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1
  const factor = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  // The continued fraction converges quickly on this side only.
  return x < (a + 1) / (a + b + 2) ? (factor * betaFraction(x, a, b)) / a : 1 - (factor * betaFraction(1 - x, b, a)) / b
}

/** Evaluates the continued fraction of DLMF 8.17.22 by Lentz's method, as modified by Thompson and Barnett (1986). */
function betaFraction(x: number, a: number, b: number): number {
  const TINY = 1e-300
  const nonZero = (value: number) => (Math.abs(value) < TINY ? TINY : value)
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let factor = 1
    for (const term of [even, odd]) {
      d = 1 / nonZero(1 + term * d)
      c = nonZero(1 + term / c)
      factor = c * d
      value *= factor
    }
    if (Math.abs(factor - 1) < 1e-15) break
  }
  return value
}

/** Returns ln Γ(x) for x > 0, by Stirling's series (DLMF 5.11.1) after x is shifted to where it is exact. */
function logGamma(x: number): number {
  let shift = 0
  let at = x
  for (; at < 15; at++) shift += Math.log(at)
  const a2 = at * at
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * a2)) / a2) / a2) / a2) / at
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift
}
