import type { AdapterPredictions, ComparedExample, Flip } from './comparison.ts'

const MAX_FLIPS = 50
const MAX_TEXT_CHARACTERS = 160

/**
 * Finds the examples on which the adapters disagree. They are sorted by how strongly two adapters contradict each
 * other: the sum of the probabilities that each gives its own label.
 */
export function findFlips(
  examples: readonly ComparedExample[],
  adapters: readonly AdapterPredictions[],
): { disagreements: number; flipped: Flip[] } {
  const flips = examples.flatMap((example, i) => {
    const answers = adapters.map(({ labels, predictions }) =>
      toAnswer(labels, predictions[i].probabilities, example.label),
    )
    const contradiction = computeContradiction(answers)
    return contradiction === 0 ? [] : [{ row: i + 1, example, answers, contradiction }]
  })
  flips.sort((x, y) => y.contradiction - x.contradiction || x.row - y.row)
  const flipped = flips.slice(0, MAX_FLIPS).map(({ row, example: { id, text, label }, answers }) => ({
    id: toOneLine(id),
    row,
    label,
    text: toOneLine(text),
    answers,
  }))
  return { disagreements: flips.length, flipped }
}

function toAnswer(labels: readonly string[], probabilities: readonly number[], truth: string): Flip['answers'][number] {
  const probability = Math.max(...probabilities)
  const label = labels[probabilities.indexOf(probability)]
  return { label, probability, right: label === truth }
}

/** Returns 0 if all answers are the same. */
function computeContradiction(answers: Flip['answers']): number {
  const first = answers.reduce((best, answer) => (answer.probability > best.probability ? answer : best))
  const others = answers.filter(({ label }) => label !== first.label)
  return others.length === 0 ? 0 : first.probability + Math.max(...others.map(({ probability }) => probability))
}

/** Returns the beginning of a text, without line breaks or terminal control characters. */
function toOneLine(text: string): string {
  const characters = [
    ...text
      .slice(0, 4 * MAX_TEXT_CHARACTERS)
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
  ]
  if (characters.length <= MAX_TEXT_CHARACTERS) return characters.join('')
  return `${characters.slice(0, MAX_TEXT_CHARACTERS - 1).join('')}…`
}
