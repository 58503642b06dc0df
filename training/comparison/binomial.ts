/** Probabilities of the counts `from`, `from + 1`, … of a binomial; all others together have less than 1e-15. */
export interface BinomialMass {
  from: number
  mass: Float64Array
}

/** How far from its mean a count can be, in standard deviations, before it is of no account. */
const REACH = 9

/** @param p the chance of each of the n trials */
export function binomialMass(n: number, p: number): BinomialMass {
  if (p <= 0 || p >= 1) return { from: p >= 1 ? n : 0, mass: Float64Array.of(1) }
  const reach = REACH * Math.sqrt(n * p * (1 - p)) + REACH
  const from = Math.max(0, Math.floor(n * p - reach))
  const to = Math.min(n, Math.ceil(n * p + reach))
  // Outwards from the likeliest count, so that what underflows is what is of no account.
  const mode = Math.min(n, Math.floor((n + 1) * p))
  const odds = p / (1 - p)
  const mass = new Float64Array(to - from + 1)
  mass[mode - from] = probability(n, p, mode)
  for (let k = mode; k < to; k++) mass[k + 1 - from] = mass[k - from] * ((n - k) / (k + 1)) * odds
  for (let k = mode; k > from; k--) mass[k - 1 - from] = mass[k - from] * (k / (n - k + 1) / odds)
  return { from, mass }
}

/** The chance of k successes or more in n trials of chance p. */
export function atLeast(k: number, n: number, p: number): number {
  if (k <= 0 || p >= 1) return Number(k <= n)
  if (k > n || p <= 0) return 0
  // The shorter tail is summed: the other's first terms may be too small for a float.
  if (k <= n * p) return 1 - atLeast(n - k + 1, n, 1 - p)
  const odds = p / (1 - p)
  let term = probability(n, p, k)
  let sum = term
  for (let i = k; i < n && term > sum * 1e-17; i++) {
    term *= ((n - i) / (i + 1)) * odds
    sum += term
  }
  return Math.min(1, sum)
}

function probability(n: number, p: number, k: number): number {
  const logChoose = logFactorial(n) - logFactorial(k) - logFactorial(n - k)
  return Math.exp(logChoose + k * Math.log(p) + (n - k) * Math.log1p(-p))
}

const small = Float64Array.from({ length: 32 }, () => 0)
for (let n = 2; n < small.length; n++) small[n] = small[n - 1] + Math.log(n)

/** Stirling's series, whose next term is below 1e-14 from 32 on (Abramowitz and Stegun 1964, 6.1.41). */
function logFactorial(n: number): number {
  if (n < small.length) return small[n]
  const n2 = n * n
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * n2)) / n2) / n2) / n
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series
}
