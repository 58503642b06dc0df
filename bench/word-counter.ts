import { parseArgs } from 'node:util'
import { loadBase, requireTokenizer } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { withoutHtmlBreaks } from '../model/html-breaks.ts'
import { makeTokenizer } from '../model/tokenizer.ts'
import { readExamples } from '../training/data/examples.ts'
import { writeTokenCounter } from './token-counter.ts'

// Writes a text classifier for transformers.js, to compare adapters with: naive Bayes on which tokens a review has,
// counted on reviews with the labels negative and positive. --data FILE --out DIR [--rows 5000]

/** Shrinks the logits. Tokens are not as independent as naive Bayes assumes, which makes it too certain. */
const SCALE = 0.1

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { data: { type: 'string' }, out: { type: 'string' }, rows: { type: 'string', default: '5000' } },
})
const { data, out } = values
if (!data || !out) throw new Error('usage: npm run bench -- word-counter --data FILE --out DIR [--rows N]')
const labels = ['negative', 'positive']
const base = await loadBase(embeddedBase)
const { json, config } = requireTokenizer(base)
const tokenizer = makeTokenizer(json, config)
const examples = (await readExamples(data, { labels })).examples.slice(0, Number(values.rows))

const { vocab_size: vocabulary } = JSON.parse(base.configText) as { vocab_size: number }
/** The reviews of each label that have a token, and one more, so that none is zero: [V, C]. */
const counts = new Float64Array(vocabulary * labels.length).fill(1)
for (const { text, label } of examples)
  for (const id of new Set(tokenizer.encode(withoutHtmlBreaks(text))))
    counts[id * labels.length + labels.indexOf(label)]++
const totals = labels.map((name) => examples.filter(({ label }) => label === name).length + 2)
const table = Float32Array.from(counts, (count, at) => SCALE * Math.log(count / totals[at % labels.length]))
writeTokenCounter(out, { labels: labels.map((name) => name.toUpperCase()), table, tokenizerFrom: embeddedBase })
