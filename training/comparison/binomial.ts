/** Probabilities of the counts `from`, `from + 1`, … of a binomial. All others together have less than 1e-15. */
export interface BinomialMass {
  from: number
  mass: Float64Array
}

/** Counts that are further from the mean, in standard deviations, are neglected. */
const MAX_DEVIATIONS = 9

/**
 * Returns the probabilities of all counts that matter.
 * @param p the chance of success in each of the n trials
 */
export function binomialMass(n: number, p: number): BinomialMass {
  if (p <= 0 || p >= 1) return { from: p >= 1 ? n : 0, mass: Float64Array.of(1) }
  const reach = MAX_DEVIATIONS * Math.sqrt(n * p * (1 - p)) + MAX_DEVIATIONS
  const from = Math.max(0, Math.floor(n * p - reach))
  const to = Math.min(n, Math.ceil(n * p + reach))
  // Starts at the most likely count, so that only negligible probabilities underflow.
  const mode = Math.min(n, Math.floor((n + 1) * p))
  const odds = p / (1 - p)
  const mass = new Float64Array(to - from + 1)
  mass[mode - from] = probabilityOf(n, p, mode)
  for (let k = mode; k < to; k++) mass[k + 1 - from] = mass[k - from] * ((n - k) / (k + 1)) * odds
  for (let k = mode; k > from; k--) mass[k - 1 - from] = mass[k - from] * (k / (n - k + 1) / odds)
  return { from, mass }
}

/** Returns the probability of at least k successes in n trials with the chance p. */
export function probabilityAtLeast(k: number, n: number, p: number): number {
  if (k <= 0 || p >= 1) return Number(k <= n)
  if (k > n || p <= 0) return 0
  // Sums the tail that excludes the mean. The first terms of the other tail may be too small for a float.
  if (k <= n * p) return 1 - probabilityAtLeast(n - k + 1, n, 1 - p)
  const odds = p / (1 - p)
  let term = probabilityOf(n, p, k)
  let sum = term
  for (let i = k; i < n && term > sum * 1e-17; i++) {
    term *= ((n - i) / (i + 1)) * odds
    sum += term
  }
  return Math.min(1, sum)
}

function probabilityOf(n: number, p: number, k: number): number {
  const logChoose = logFactorial(n) - logFactorial(k) - logFactorial(n - k)
  return Math.exp(logChoose + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

/** log(n!) for n below 32. */
const smallLogFactorials = Float64Array.from({ length: 32 }, () => 0)
for (let n = 2; n < smallLogFactorials.length; n++) smallLogFactorials[n] = smallLogFactorials[n - 1] + Math.log(n)

/** Uses Stirling's series (Abramowitz and Stegun 1964, 6.1.41). From n = 32, its next term is below 1e-14. */
function logFactorial(n: number): number {
  if (n < smallLogFactorials.length) return smallLogFactorials[n]
  const n2 = n * n
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * n2)) / n2) / n2) / n
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series
}
