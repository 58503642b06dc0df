// npm run words: prints how often comments, user-facing sentences and documents use words that admired codebases rarely
// use, per 10,000 words. Fails if a number for comments is more than twice the median of those codebases, which was
// taken from their comments. Sentences and documents are shown beside them.
import { productFolders } from '../.dependency-cruiser.mjs'
import { documents, proseOfDocument, proseOfSource, sourcesIn, withoutCode } from './prose.mjs'
import { admired } from './words.mjs'

const files = sourcesIn(Object.keys(productFolders)).map(proseOfSource)
const texts = {
  comments: files.flatMap(({ comments }) => comments),
  strings: files.flatMap(({ sentences }) => sentences),
  documents: documents().flatMap(proseOfDocument),
}

const rows = admired.map(({ row, pattern, opening, found }) => {
  const numbers = Object.entries(texts).map(([kind, prose]) => {
    if (pattern) return [kind, (10_000 * countOf(prose, pattern)) / countOf(prose, /\S+/g)]
    return [
      kind,
      kind === 'comments' ? (100 * prose.filter(({ text }) => opening.test(text)).length) / prose.length : 0,
    ]
  })
  return { row, bound: 2 * median(found), numbers: Object.fromEntries(numbers) }
})

const rounded = (numbers) =>
  Object.fromEntries(Object.entries(numbers).map(([kind, number]) => [kind, Number(number.toFixed(1))]))
console.table(Object.fromEntries(rows.map(({ row, bound, numbers }) => [row, rounded({ bound, ...numbers })])))
for (const [kind, prose] of Object.entries(texts))
  console.log(`${kind}: ${prose.length}, ${countOf(prose, /\S+/g)} words`)

const tooMany = rows.filter(({ bound, numbers }) => numbers.comments > bound)
if (tooMany.length > 0) {
  console.error(`above the bound: ${tooMany.map(({ row }) => row).join('; ')}`)
  process.exitCode = 1
}

function countOf(prose, pattern) {
  return prose.reduce((sum, { text }) => sum + (withoutCode(text).match(pattern)?.length ?? 0), 0)
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
