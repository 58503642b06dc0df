/**
 * Explains predictions of real reviews with the adapter that comes with Graft, one after the other. Prints the
 * completeness errors, the steps and the times, and what deleting words does to the probability of the predicted label:
 * the three words that contribute most to it, against three words at random.
 *
 *   npm run bench -- explain [--data FILE] [--reviews 200] [--threads 2]
 */
import { parseArgs } from 'node:util'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { makeRandom } from '../core/random.ts'
import { readyAdapter } from '../platform/offline/bases.ts'
import { openEngine } from '../serving/engine.ts'
import type { Prediction } from '../serving/engine-types.ts'
import { readExamples } from '../training/data/examples.ts'
import { imdb } from './imdb.ts'
import { quantile } from './quantiles.ts'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    data: { type: 'string', default: imdb.test },
    reviews: { type: 'string', default: '200' },
    threads: { type: 'string', default: '2' },
  },
})
const DELETED = 3
const draw = makeRandom(0, 'reviews to explain')
const { examples } = await readExamples(values.data)
const texts = draw.shuffle(examples.map(({ text }) => text)).slice(0, Number(values.reviews))
const engine = await openEngine({
  base: embeddedBase,
  folderOf: async (folder) => folder,
  threads: Number(values.threads),
})

async function classify(text: string, explained = false): Promise<Prediction> {
  const [answer] = await engine.classify([{ text, adapter: readyAdapter, explained }])
  if ('error' in answer) throw new Error(JSON.stringify(answer.error))
  return answer
}

type Word = NonNullable<Prediction['explanation']>['words'][number]

/** Returns the probability of a label after words were deleted. */
async function scoreWithout(text: string, words: readonly Word[], label: string): Promise<number> {
  const pieces: string[] = []
  let at = 0
  for (const { start, end } of words.toSorted((a, b) => a.start - b.start)) {
    pieces.push(text.slice(at, start))
    at = end
  }
  return (await classify(pieces.join('') + text.slice(at))).scores[label]
}

await classify(texts[0], true)
const [errors, steps, explaining, predicting, lengths]: number[][] = [[], [], [], [], []]
const [byContribution, atRandom]: number[][] = [[], []]
for (const text of texts) {
  const started = performance.now()
  const { label, score, tokens } = await classify(text)
  const predicted = performance.now()
  const { explanation } = await classify(text, true)
  explaining.push(performance.now() - predicted)
  predicting.push(predicted - started)
  lengths.push(tokens)
  if (!explanation) throw new Error('no explanation')
  errors.push(explanation.completeness_error)
  steps.push(explanation.steps)
  const words = explanation.words.filter(({ text }) => /[\p{L}\p{N}]/u.test(text))
  if (words.length < 2 * DELETED) continue
  const strongest = words.toSorted((a, b) => b.contribution - a.contribution).slice(0, DELETED)
  const others = draw.shuffle([...words]).slice(0, DELETED)
  byContribution.push(score - (await scoreWithout(text, strongest, label)))
  atRandom.push(score - (await scoreWithout(text, others, label)))
}
await engine.close()

const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length
/** Formats a mean with its 95 % interval, by the normal distribution. */
function formatMean(list: readonly number[]): string {
  const center = mean(list)
  const variance = list.reduce((sum, x) => sum + (x - center) ** 2, 0) / (list.length - 1)
  const half = 1.96 * Math.sqrt(variance / list.length)
  return `${center.toFixed(4)} [${(center - half).toFixed(4)}, ${(center + half).toFixed(4)}]`
}
const formatSpread = (list: readonly number[], digits: number) =>
  [0.5, 0.95, 1].map((share) => quantile(list, share).toFixed(digits)).join(' / ')

const ratio = mean(explaining) / mean(predicting)
console.log(`reviews: ${texts.length}, tokens: ${formatSpread(lengths, 0)} (median / 95th percentile / largest)`)
console.log(`completeness error: ${formatSpread(errors, 4)}; above 0.02: ${errors.filter((x) => x > 0.02).length}`)
console.log(`steps: ${formatSpread(steps, 0)}; mean ${mean(steps).toFixed(1)}`)
console.log(`milliseconds of an explanation: ${formatSpread(explaining, 0)}; ${ratio.toFixed(0)} predictions`)
console.log(`deleting ${DELETED} words, probability lost, mean [95 % interval] of ${byContribution.length} reviews:`)
console.log(`  those that contribute most: ${formatMean(byContribution)}`)
console.log(`  at random: ${formatMean(atRandom)}`)
console.log(`  paired difference: ${formatMean(byContribution.map((x, i) => x - atRandom[i]))}`)
