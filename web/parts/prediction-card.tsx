import type { ClassifyResult } from '../../client/client.ts'
import { countOf, formatPercent } from '../format.ts'
import { ExplainedText, type Explanation } from './explained-text.tsx'
import { Meter } from './meter.tsx'
import { ProblemBox } from './problem.tsx'

const MAX_LABELS = 8

interface PredictionCardProps {
  adapter: string
  result: ClassifyResult
  /** The text that was classified. */
  text: string
}

/** The answer of one adapter to a text. */
export function PredictionCard({ adapter, result, text }: PredictionCardProps) {
  if ('error' in result)
    return (
      <article class="panel">
        <h2>{adapter}</h2>
        <ProblemBox error={result.error} />
      </article>
    )
  const { label, score, scores, tokens, truncated, warning } = result
  const { explanation } = result as { explanation?: Explanation }
  const sorted = Object.entries(scores).sort(([, a], [, b]) => b - a)
  return (
    <article class="panel prediction">
      <h2>{adapter}</h2>
      <p class="verdict">
        <strong>{label}</strong> <span class="number">{formatPercent(score)}</span>
      </p>
      <div class="bars">
        {sorted.slice(0, MAX_LABELS).map(([name, share]) => (
          <div key={name} class="bar-row">
            <span class="bar-name" title={name}>
              {name}
            </span>
            <Meter share={share} label={`probability of ${name}`} class={name === label ? 'first' : 'other'} />
            <span class="number">{formatPercent(share)}</span>
          </div>
        ))}
      </div>
      {warning && <p class="notice">{warning}</p>}
      <p class="quiet">
        {countOf(tokens, 'token')} read{truncated && ', the text was too long and was cut'}
      </p>
      {explanation && <ExplainedText text={text} explanation={explanation} />}
    </article>
  )
}
