/**
 * Classifies the same texts with one adapter and with many adapters of mixed methods and ranks, in interleaved rounds,
 * and prints how much slower many are. The texts are real reviews, whole and cut to their first words.
 *
 *   npm run bench -- mixed-adapters [--shape embedded|t5-small] [--adapters 64] [--reviews 256] [--rounds 5]
 *     [--threads 2] [--data FILE] [--peft]
 *
 * The weights of `t5-small` and of all adapters are random. With --peft, PEFT then classifies random texts of the same
 * lengths on the T5-small shape with LoRAs of several ranks, the only method that it mixes.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Base, loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { makeRandom } from '../core/random.ts'
import { parseMethod } from '../model/methods/registry.ts'
import { openEngine } from '../serving/engine.ts'
import { readExamples } from '../training/data/examples.ts'
import { imdb } from './imdb.ts'
import { formatRange, quantile } from './quantiles.ts'
import { saveRandomAdapter } from './random-adapter.ts'
import { randomBase, T5_SMALL } from './random-model.ts'
import { startTable } from './table.ts'

const { values: flags } = parseArgs({
  args: process.argv.slice(3),
  options: {
    data: { type: 'string', default: imdb.test },
    shape: { type: 'string', default: 'embedded' },
    adapters: { type: 'string', default: '64' },
    reviews: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    peft: { type: 'boolean', default: false },
  },
})

const METHODS = [
  { method: 'lora', rank: 8 },
  { method: 'lora', rank: 4 },
  { method: 'lora', rank: 16, targets: ['q', 'k', 'v', 'o'] },
  { method: 'bottleneck', bottleneck: 8 },
  { method: 'bottleneck', bottleneck: 16, variant: 'double_seq_bn' },
  { method: 'ia3' },
  { method: 'soft-prompt', tokens: 10 },
  { method: 'lora', rank: 1 },
]
/** The words of a text; whole texts have all of theirs. */
const WORDS = [Number.POSITIVE_INFINITY, 60, 12]
const nameOf = (words: number): string => (words === Number.POSITIVE_INFINITY ? 'all' : String(words))

const row = startTable(
  '',
  'words of a text',
  'one adapter, texts/s',
  `${flags.adapters} adapters, texts/s`,
  'times as long: median, range',
)
const folder = mkdtempSync(join(tmpdir(), 'graft-mixed-adapters-'))
const base = await openBase()
const engine = await openEngine({ base, folderOf: async (key) => join(folder, key), threads: Number(flags.threads) })
try {
  const names = await Promise.all(
    Array.from({ length: Number(flags.adapters) }, (_, i) => saveRandom(`adapter-${i}`, i)),
  )
  for (const name of names) await engine.load(name)
  const { examples } = await readExamples(flags.data)
  const reviews = makeRandom(0, 'reviews')
    .shuffle(examples.map(({ text }) => text))
    .slice(0, Number(flags.reviews))
  const lengths: number[][] = []
  for (const words of WORDS) lengths.push(await compare(reviews, words, names))
  if (flags.peft) comparePeft(lengths)
} finally {
  await engine.close()
  rmSync(folder, { recursive: true })
}

interface Times {
  one: number[]
  many: number[]
}

/** Compares on texts of so many words, and returns their numbers of tokens. */
async function compare(reviews: readonly string[], words: number, names: readonly string[]): Promise<number[]> {
  const texts = reviews.map((text) => text.split(/\s+/).slice(0, words).join(' '))
  const times: Times = { one: [], many: [] }
  // The first round is a warm-up and does not count.
  for (let round = -1; round < Number(flags.rounds); round++) {
    const one = await measure(texts.map((text) => ({ text, adapter: names[0] })))
    const many = await measure(texts.map((text, i) => ({ text, adapter: names[i % names.length] })))
    if (round < 0) continue
    times.one.push(one)
    times.many.push(many)
  }
  print('Graft', words, texts.length, times)
  const answers = await engine.classify(texts.map((text) => ({ text, adapter: names[0] })))
  return answers.map((answer) => ('error' in answer ? 0 : answer.tokens))
}

function comparePeft(lengths: readonly (readonly number[])[]): void {
  const [adapters, rounds, threads] = [flags.adapters, flags.rounds, flags.threads].map(Number)
  const job = { config: T5_SMALL, adapters, rounds, threads, lengths }
  const script = 'bench/peers/mixed_adapters.py'
  const output = execFileSync('bench/peers/.venv/bin/python', [script, JSON.stringify(job)], { encoding: 'utf8' })
  const { settings, version } = JSON.parse(output) as { settings: Times[]; version: string }
  for (const [i, times] of settings.entries()) print(`PEFT ${version}`, WORDS[i], lengths[i].length, times)
}

function print(name: string, words: number, texts: number, { one, many }: Times): void {
  const ratios = many.map((seconds, i) => seconds / one[i])
  const speed = (seconds: readonly number[]) => (texts / quantile(seconds, 0.5)).toFixed(1)
  row(name, nameOf(words), speed(one), speed(many), formatRange(ratios))
}

/** Returns the seconds of one request. */
async function measure(rows: { text: string; adapter: string }[]): Promise<number> {
  const started = performance.now()
  for (const answer of await engine.classify(rows)) if ('error' in answer) throw new Error(JSON.stringify(answer.error))
  return (performance.now() - started) / 1000
}

async function openBase(): Promise<Base> {
  const embedded = await loadBase(embeddedBase)
  return flags.shape === 'embedded'
    ? embedded
    : { ...embedded, ...randomBase(T5_SMALL), dir: embedded.dir, fingerprint: embedded.fingerprint }
}

async function saveRandom(name: string, seed: number): Promise<string> {
  await saveRandomAdapter(join(folder, name), parseMethod(METHODS[seed % METHODS.length]), base, seed)
  return name
}
