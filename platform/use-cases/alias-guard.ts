import { fail } from '../../core/errors.ts'
import type { NamedWeights } from '../schemas/adapters.ts'
import type { Guard } from '../schemas/aliases.ts'
import type { ComparisonRow } from '../store/comparisons.ts'

type Result = NonNullable<ComparisonRow['result']>

/** An alias leads from one adapter to another. */
interface Step {
  from: NamedWeights
  to: NamedWeights
}

/**
 * Refuses a move that its comparison does not speak for. It must show that the new adapter is not worse: the 95 % interval of the difference
 * lies above the loss that the guard allows. That nothing was found is not enough, since few reviews find nothing.
 * @param comparison undefined where none was named
 * @throws GraftError `promotion_refused`
 */
export function requireNotWorse(alias: string, step: Step, guard: Guard, comparison: ComparisonRow | undefined): void {
  const lack = lackOf(step, guard, comparison)
  if (!lack) return
  const { from, to } = step
  const on = guard.dataset === undefined ? '' : ` on the data set ${guard.dataset}`
  fail('promotion_refused', {
    subject: `the alias ${alias}`,
    expected: `a comparison of ${from.name} with ${to.name}${on} that rules out that ${to.name} loses more than ${points(guard.margin)} points of accuracy`,
    ...lack,
  })
}

const COMPARE =
  'Compare the two (POST /v1/comparisons), then name that comparison; graft aliases set --dataset does both.'

/** What a comparison lacks to speak for a move. */
function lackOf(
  { from, to }: Step,
  { margin, dataset }: Guard,
  comparison: ComparisonRow | undefined,
): { found: string; fix: string } | undefined {
  if (!comparison) return { found: 'none', fix: COMPARE }
  const { status, result, dataset_id, adapters } = comparison
  if (dataset !== undefined && dataset_id !== dataset)
    return { found: `one on the data set ${dataset_id}`, fix: COMPARE }
  const [first, second] = [from, to].map(({ id, digest }) =>
    adapters.findIndex((one) => one.id === id && one.digest === digest),
  )
  if (first < 0 || second < 0)
    return { found: `one of ${adapters.map(({ name }) => name).join(' and ')}`, fix: COMPARE }
  if (!result) return { found: `one that is ${status}`, fix: status === 'failed' ? COMPARE : 'Wait for its end.' }
  const { difference, interval } = differenceOf(result, first, second)
  if (interval[0] >= -margin) return undefined
  return {
    found: `a difference of ${signed(difference)} points, 95 % interval ${signed(interval[0])} to ${signed(interval[1])}, on ${result.n} reviews`,
    fix:
      difference < -margin
        ? 'Keep the adapter that it leads to, or train a better one.'
        : 'So few reviews cannot rule out a greater loss: compare on more, or allow a greater one (margin).',
  }
}

/** Accuracy of the second less that of the first, by their places in the comparison, and its 95 % interval. */
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

const points = (share: number): string => String(Number((100 * share).toFixed(2)))
const signed = (share: number): string => `${share > 0 ? '+' : ''}${points(share)}`
