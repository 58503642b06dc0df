import { MAX_COMPLETENESS_ERROR } from '../../core/explanation-precision.ts'
import type { ClassifyResult } from '../../platform/schemas/classify.ts'

type Explanation = NonNullable<Extract<ClassifyResult, { label: string }>['explanation']>

/** Words with smaller contributions are left out; `--json` has all. */
const SHOWN_WORDS = 12
const BAR_WIDTH = 20

/**
 * Returns lines that explain a prediction: the words that contribute most, with bars.
 * @param heading what is explained, such as the text
 */
export function explanationLines(heading: string, explanation: Explanation): string[] {
  const { target, against, difference, baseline_difference, completeness_error, words } = explanation
  const byStrength = words.toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
  const shown = byStrength.slice(0, SHOWN_WORDS)
  const strongest = Math.max(...shown.map(({ contribution }) => Math.abs(contribution)))
  const width = Math.max(0, ...shown.map(({ contribution }) => formatContribution(contribution).length))
  const rows = shown.map(
    ({ text, contribution }) =>
      `  ${formatContribution(contribution).padStart(width)}  ${barOf(contribution / strongest)}  ${text}`,
  )
  const rest = words.length - shown.length
  return [
    '',
    heading,
    `  ${target} against ${against}: ${formatContribution(difference)}; for an empty text ${formatContribution(baseline_difference)}`,
    ...rows,
    ...(rest > 0 ? [`  and ${rest} ${rest === 1 ? 'word' : 'words'} that contribute less`] : []),
    ...(completeness_error > MAX_COMPLETENESS_ERROR
      ? [`  rough: the contributions miss the difference by ${(100 * completeness_error).toFixed(1)} %`]
      : []),
  ]
}

/** Formats a contribution in units of logits, with its sign. */
const formatContribution = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(2)}`

/** Returns a bar for a share of the strongest contribution, made of the sign of the contribution. */
const barOf = (share: number): string =>
  (share < 0 ? '-' : '+').repeat(Math.round(Math.abs(share) * BAR_WIDTH)).padEnd(BAR_WIDTH)
