import { fail } from '../../core/errors.ts'
import type { AdapterSnapshot } from '../schemas/adapters.ts'
import type { Guard } from '../schemas/aliases.ts'
import type { ComparisonRow } from '../store/comparisons.ts'

type Result = NonNullable<ComparisonRow['result']>

/** The move of an alias from one adapter to another. */
interface Move {
  from: AdapterSnapshot
  to: AdapterSnapshot
}

/**
 * Requires that a comparison shows the new adapter to be no worse: the 95 % interval of the difference in accuracy must
 * lie above the loss that the guard allows. A difference that is not significant proves nothing, because with few
 * reviews no difference is significant.
 * @param comparison not set if the request names none
 * @throws GraftError `promotion_refused`
 */
export function requireNotWorse(alias: string, move: Move, guard: Guard, comparison: ComparisonRow | undefined): void {
  const objection = findObjection(move, guard, comparison)
  if (!objection) return
  const { from, to } = move
  const on = guard.dataset === undefined ? '' : ` on the data set ${guard.dataset}`
  fail('promotion_refused', {
    subject: `the alias ${alias}`,
    expected: `a comparison of ${from.name} with ${to.name}${on} that rules out that ${to.name} loses more than ${toPoints(guard.margin)} points of accuracy`,
    ...objection,
  })
}

const COMPARE_FIX =
  'Compare the two with POST /v1/comparisons and name that comparison. graft aliases set --dataset does both.'

/** Returns why a comparison does not justify a move, or undefined if it does. */
function findObjection(
  { from, to }: Move,
  { margin, dataset }: Guard,
  comparison: ComparisonRow | undefined,
): { found: string; fix: string } | undefined {
  if (!comparison) return { found: 'no comparison', fix: COMPARE_FIX }
  const { status, result, dataset_id, adapters } = comparison
  if (dataset !== undefined && dataset_id !== dataset)
    return { found: `a comparison on the data set ${dataset_id}`, fix: COMPARE_FIX }
  const [first, second] = [from, to].map(({ id, digest }) =>
    adapters.findIndex((one) => one.id === id && one.digest === digest),
  )
  if (first < 0 || second < 0)
    return { found: `a comparison of ${adapters.map(({ name }) => name).join(' and ')}`, fix: COMPARE_FIX }
  if (!result)
    return {
      found: `a comparison that is ${status}`,
      fix: status === 'failed' ? COMPARE_FIX : 'Wait until it has finished.',
    }
  const { difference, interval } = differenceOf(result, first, second)
  if (interval[0] >= -margin) return undefined
  return {
    found: `a difference of ${toSignedPoints(difference)} points, 95 % interval ${toSignedPoints(interval[0])} to ${toSignedPoints(interval[1])}, on ${result.n} reviews`,
    fix:
      difference < -margin
        ? 'Keep the current adapter, or train a better one.'
        : 'These reviews are too few to rule out a larger loss. Compare on more reviews, or allow a larger loss (margin).',
  }
}

/**
 * Returns the accuracy of the second adapter minus that of the first, with its 95 % interval. Both are indices in the
 * comparison.
 */
function differenceOf(
  { adapters, pairs }: Result,
  first: number,
  second: number,
): Pick<Result['pairs'][number], 'difference' | 'interval'> {
  const names = [adapters[first].name, adapters[second].name]
  const pair = pairs.find(({ a, b }) => names.includes(a) && names.includes(b))
  if (!pair) throw new Error(`no pair of ${names.join(' and ')} in their comparison`)
  if (pair.a === names[0]) return pair
  return { difference: -pair.difference, interval: [-pair.interval[1], -pair.interval[0]] }
}

const toPoints = (share: number): string => String(Number((100 * share).toFixed(2)))
const toSignedPoints = (share: number): string => `${share > 0 ? '+' : ''}${toPoints(share)}`
