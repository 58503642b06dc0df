/** A function at a point of a path, and the rate at which each of its inputs changes it there. */
export interface PathPoint {
  /** F(alpha). */
  readonly value: number
  /** The terms of dF/dalpha, one for each input. */
  readonly rates: ArrayLike<number>
}

/** When an integral is accurate enough, and when to stop trying. */
export interface Precision {
  /** The largest completeness error. */
  readonly tolerance: number
  /** The points after which no more are added. */
  readonly maxPoints: number
}

interface PathIntegral {
  /** The part of F(1) - F(0) that each input contributes. */
  readonly contributions: Float64Array
  /** F(0) and F(1). */
  readonly values: readonly [start: number, end: number]
  /** By how much the contributions miss F(1) - F(0), as a share of it. */
  readonly completenessError: number
  readonly points: number
}

/** A piece of the path, in units of u, where alpha = u ** POWER. */
interface Piece {
  readonly from: number
  readonly to: number
}

/** A piece with its integral. */
interface Part {
  readonly piece: Piece
  readonly contributions: Float64Array
  /** The sum of the contributions minus the change of F. */
  readonly missed: number
  /** An estimate of the largest error in it. */
  readonly doubt: number
}

/** Each piece has a point at both ends and one between them. */
const FIRST_PIECES = 4
/** The pieces that are halved at the same time. Each half brings one new point. */
const HALVED_PIECES = 4

/**
 * The part of the roughness of a piece that is taken for an error. Errors of several inputs may cancel, so what a piece
 * misses in all does not show them.
 */
const CAUTION = 1 / 16

/** Narrower pieces are not halved: at their ends, F differs by less than its rounding error. */
const MIN_WIDTH = 2 ** -16

/**
 * The points are at powers of evenly spaced numbers, so most are near 0: where embeddings are nearly zero, a model that
 * normalizes them changes with their logarithm.
 */
const POWER = 3

/** Changes that are smaller than this are rounding errors, to which no error can be relative. */
const MIN_CHANGE = 1e-4

/**
 * Integrates rates over a path from alpha = 0 to 1, with Simpson's rule on pieces of the path. In each piece the
 * contributions must add up to the change of F, which is known. The pieces where they seem to miss it most are halved
 * until the whole is accurate enough.
 * @param evaluate returns some points, in their order
 */
export async function integratePath(
  evaluate: (alphas: readonly number[]) => Promise<readonly PathPoint[]>,
  { tolerance, maxPoints }: Precision,
): Promise<PathIntegral> {
  const known = new Map<number, PathPoint>()
  const integrate = async (pieces: readonly Piece[]): Promise<Part[]> => {
    const missing = [...new Set(pieces.flatMap(pointsOf))].filter((u) => !known.has(u))
    for (const [i, point] of (await evaluate(missing.map((u) => u ** POWER))).entries()) known.set(missing[i], point)
    return pieces.map((piece) => {
      const contributions = integratePiece(piece, known)
      const change = valueAt(piece.to, known) - valueAt(piece.from, known)
      const missed = sumOf(contributions) - change
      return { piece, contributions, missed, doubt: Math.max(Math.abs(missed), CAUTION * roughness(piece, known)) }
    })
  }
  const ends = Array.from({ length: FIRST_PIECES + 1 }, (_, i) => i / FIRST_PIECES)
  let parts = await integrate(ends.slice(1).map((to, i) => ({ from: ends[i], to })))
  for (;;) {
    const values = [valueAt(0, known), valueAt(1, known)] as const
    const missed = Math.abs(parts.reduce((sum, part) => sum + part.missed, 0))
    const completenessError = missed / Math.max(Math.abs(values[1] - values[0]), MIN_CHANGE)
    const worst = parts
      .filter(({ piece }) => piece.to - piece.from > MIN_WIDTH)
      .sort((a, b) => b.doubt - a.doubt)
      .slice(0, HALVED_PIECES)
    if (completenessError <= tolerance || known.size + 2 * worst.length > maxPoints || worst.length === 0)
      return {
        contributions: addUp(parts.map(({ contributions }) => contributions)),
        values,
        completenessError,
        points: known.size,
      }
    const others = parts.filter((part) => !worst.includes(part))
    parts = [...others, ...(await integrate(worst.flatMap(({ piece }) => halve(piece))))]
  }
}

const middleOf = ({ from, to }: Piece): number => (from + to) / 2
const pointsOf = (piece: Piece): number[] => [piece.from, middleOf(piece), piece.to]
const halve = (piece: Piece): Piece[] => [
  { from: piece.from, to: middleOf(piece) },
  { from: middleOf(piece), to: piece.to },
]

const valueAt = (u: number, known: ReadonlyMap<number, PathPoint>): number => (known.get(u) as PathPoint).value

/** Returns the integral of a piece for each input. */
function integratePiece(piece: Piece, known: ReadonlyMap<number, PathPoint>): Float64Array {
  const width = piece.to - piece.from
  const terms = pointsOf(piece).map((u, i) => {
    const { rates } = known.get(u) as PathPoint
    return { rates, weight: (width / 6) * (i === 1 ? 4 : 1) * slopeAt(u) }
  })
  return Float64Array.from(terms[0].rates, (_, t) =>
    terms.reduce((sum, { rates, weight }) => sum + weight * rates[t], 0),
  )
}

/** Returns by how much Simpson's rule and the trapezoidal rule differ on a piece, over all inputs. */
function roughness(piece: Piece, known: ReadonlyMap<number, PathPoint>): number {
  const [start, middle, end] = pointsOf(piece).map((u) => ({
    rates: (known.get(u) as PathPoint).rates,
    slope: slopeAt(u),
  }))
  let sum = 0
  for (let t = 0; t < start.rates.length; t++)
    sum += Math.abs(2 * middle.slope * middle.rates[t] - start.slope * start.rates[t] - end.slope * end.rates[t])
  return ((piece.to - piece.from) / 3) * sum
}

/** Returns dalpha / du. */
const slopeAt = (u: number): number => POWER * u ** (POWER - 1)

const sumOf = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)

const addUp = (parts: readonly Float64Array[]): Float64Array =>
  parts[0].map((_, t) => parts.reduce((sum, part) => sum + part[t], 0))
