/** The contributions of the words of a text to a prediction, as the API returns them with `explain`. */
export interface Explanation {
  /** The predicted label. */
  target: string
  /** The label that it is compared with. */
  against: string
  /** The logit of the target minus that of the other label. */
  difference: number
  words: readonly { text: string; start: number; end: number; contribution: number }[]
  /** The contribution of what is not a word. */
  other: number
}

interface ExplainedTextProps {
  text: string
  explanation: Explanation
}

/** Shares of the largest contribution from which a word is marked weakly, clearly or strongly. */
const LEVELS = [0.08, 0.3, 0.65]

/**
 * A text whose words are marked by what they contributed: by colour, and by the style of their underline. Of two
 * labels, each has the same marks in every text, whichever was predicted.
 */
export function ExplainedText({ text, explanation: { target, against, words } }: ExplainedTextProps) {
  const sides = target > against ? { target: 'second', against: 'first' } : { target: 'first', against: 'second' }
  const largest = Math.max(1e-9, ...words.map(({ contribution }) => Math.abs(contribution)))
  const sorted = words.toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
  return (
    <div class="explained">
      <p class="legend">
        <span class={`word ${sides.target} level-3`}>for {target}</span>{' '}
        <span class={`word ${sides.against} level-3`}>for {against}</span>
      </p>
      <p class="text" aria-hidden="true">
        {piecesOf(text, words).map(({ piece, contribution }, i) => (
          <span
            key={String(i)}
            class={
              contribution
                ? `word ${contribution > 0 ? sides.target : sides.against} level-${levelOf(contribution, largest)}`
                : undefined
            }
            title={contribution === undefined ? undefined : formatSigned(contribution)}
          >
            {piece}
          </span>
        ))}
      </p>
      <details>
        <summary>The words in numbers</summary>
        <table class="list">
          <thead>
            <tr>
              <th>Word</th>
              <th>Speaks for</th>
              <th class="number">Contribution</th>
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, 40).map((word) => (
              <tr key={`${word.start}`}>
                <td>{word.text}</td>
                <td>{word.contribution >= 0 ? target : against}</td>
                <td class="number">{formatSigned(word.contribution)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  )
}

/** Returns a text in pieces: the words, and what is between them. */
function piecesOf(text: string, words: Explanation['words']): { piece: string; contribution?: number }[] {
  const pieces: { piece: string; contribution?: number }[] = []
  let end = 0
  for (const word of words) {
    if (word.start < end) continue
    if (word.start > end) pieces.push({ piece: text.slice(end, word.start) })
    pieces.push({ piece: text.slice(word.start, word.end), contribution: word.contribution })
    end = word.end
  }
  return [...pieces, { piece: text.slice(end) }]
}

const levelOf = (contribution: number, largest: number): number =>
  LEVELS.filter((share) => Math.abs(contribution) >= share * largest).length

const formatSigned = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`
