import type { Answered, ComparedReview, Flip } from './comparison.ts'

/** How many are told at most. */
const MOST = 50

/** Characters of a review that are shown. */
const SHOWN = 160

/**
 * The reviews that the adapters did not answer alike. First come those in which two contradict each other with most certainty: the sum of
 * the probabilities that both give their own answers.
 */
export function flippedReviews(
  reviews: readonly ComparedReview[],
  adapters: readonly Answered[],
): { disagreements: number; flipped: Flip[] } {
  const flips = reviews.flatMap((review, i) => {
    const answers = adapters.map(({ labels, answers }) => answerOf(labels, answers[i].probabilities, review.label))
    const certainty = contradiction(answers)
    return certainty === 0 ? [] : [{ row: i + 1, review, answers, certainty }]
  })
  flips.sort((x, y) => y.certainty - x.certainty || x.row - y.row)
  const flipped = flips.slice(0, MOST).map(({ row, review: { id, text, label }, answers }) => ({
    id: oneLine(id),
    row,
    label,
    text: oneLine(text),
    answers,
  }))
  return { disagreements: flips.length, flipped }
}

function answerOf(labels: readonly string[], probabilities: readonly number[], truth: string): Flip['answers'][number] {
  const probability = Math.max(...probabilities)
  const label = labels[probabilities.indexOf(probability)]
  return { label, probability, right: label === truth }
}

/** 0 where all answered alike. */
function contradiction(answers: Flip['answers']): number {
  const first = answers.reduce((best, answer) => (answer.probability > best.probability ? answer : best))
  const others = answers.filter(({ label }) => label !== first.label)
  return others.length === 0 ? 0 : first.probability + Math.max(...others.map(({ probability }) => probability))
}

/** Its beginning, without what would break a line or steer a terminal. */
function oneLine(text: string): string {
  const shown = [
    ...text
      .slice(0, 4 * SHOWN)
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim(),
  ]
  return shown.length > SHOWN ? `${shown.slice(0, SHOWN - 1).join('')}…` : shown.join('')
}
