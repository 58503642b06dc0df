import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeRandom } from '../../core/random.ts'
import type { TrainingEvent, TrainingResult } from '../../training/events.ts'
import { parseTrainingSpec, type TrainingSpec } from '../../training/spec.ts'
import { train } from '../../training/train.ts'
import { afterFile } from '../after-file.ts'
import { freshPath, parityPath } from '../checkpoint/helpers.ts'

const GOOD = ['lovely', 'superb', 'moving', 'gripping']
const BAD = ['dull', 'awful', 'clumsy', 'tedious']
const OTHER = 'the a film story actor plot scene was is and of it we they music camera end night city friend'.split(' ')

/** Every word of the reviews, and the label words. */
export const words = ['excellent', 'worst', 'fine', ...GOOD, ...BAD, ...OTHER]

const bases = new Map<string, string>()

/**
 * Returns the folder of a random T5 with 62,144 parameters and a tokenizer of whole words. A training of it takes a
 * second.
 */
export const tinyBase = (): string => writeTinyBase('tiny-base', words)

/** Returns a base like {@link tinyBase}, with sentinels in its vocabulary. */
export const tinyBaseWithSentinels = (): string =>
  writeTinyBase('tiny-base-with-sentinels', [...words, ...Array.from({ length: 20 }, (_, i) => `<extra_id_${i}>`)])

function writeTinyBase(name: string, vocabulary: readonly string[]): string {
  const known = bases.get(name)
  if (known) return known
  const base = freshPath(name)
  bases.set(name, base)
  afterFile(() => bases.delete(name))
  mkdirSync(base, { recursive: true })
  for (const file of ['config.json', 'model.safetensors']) cpSync(parityPath(`tiny-t5/${file}`), join(base, file))
  const pieces = ['<pad>', '</s>', '<unk>', ...vocabulary]
  const tokenizer = {
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      type: 'WordPiece',
      unk_token: '<unk>',
      continuing_subword_prefix: '##',
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    },
  }
  writeFileSync(join(base, 'tokenizer.json'), JSON.stringify(tokenizer))
  const labels = { negative: 'worst', positive: 'excellent' }
  writeFileSync(join(base, 'graft-base.json'), JSON.stringify({ label_words: labels }))
  return base
}

/** Makes reviews of 5 to 50 words. Three of the words determine the label. The same seed makes the same reviews. */
export function makeReviews(count: number, seed = 0): { text: string; label: string }[] {
  const { integer, shuffle } = makeRandom(seed, 'reviews')
  const pick = (words: readonly string[], n: number) => Array.from({ length: n }, () => words[integer(words.length)])
  return Array.from({ length: count }, (_, i) => ({
    text: shuffle([...pick(OTHER, 2 + integer(46)), ...pick(i % 2 ? GOOD : BAD, 3)]).join(' '),
    label: i % 2 ? 'positive' : 'negative',
  }))
}

export function writeReviews(rows: readonly object[], path = freshPath('reviews.jsonl')): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
  return path
}

let data: { data: string; test: string } | undefined

/**
 * Returns a specification with 120 reviews to train on and 60 to test on. A step has about 50 reviews in two
 * micro-batches.
 */
export function tinySpec(fields: Readonly<Record<string, unknown>> = {}): TrainingSpec {
  if (!data)
    afterFile(() => {
      data = undefined
    })
  data ??= { data: writeReviews(makeReviews(120)), test: writeReviews(makeReviews(60, 1)) }
  return parseTrainingSpec({
    base: tinyBase(),
    ...data,
    out: freshPath('trained'),
    batch_tokens: 1600,
    steps: 40,
    threads: 2,
    ...fields,
  })
}

export interface TrainingRun {
  result?: TrainingResult
  events: TrainingEvent[]
}

/** Trains in this process. Interrupts the training after the step `stopAt`, if it is set. */
export async function runTraining(spec: TrainingSpec, { resume = false, stopAt = -1 } = {}): Promise<TrainingRun> {
  const events: TrainingEvent[] = []
  const stop = new AbortController()
  const onEvent = (event: TrainingEvent) => {
    events.push(event)
    if (event.type === 'step' && event.step === stopAt) stop.abort()
  }
  return { result: await train(spec, onEvent, stop.signal, resume), events }
}

/** Returns the file of the weights. Its name depends on the layout. */
export function weightsPath(out: string): string {
  const names = ['adapter_model.safetensors', 'adapter.safetensors', 'model.safetensors']
  const path = names.map((name) => join(out, name)).find((file) => existsSync(file))
  if (!path) throw new Error(`${out} has none of ${names.join(', ')}`)
  return path
}

export const weightsOf = (out: string): Buffer => readFileSync(weightsPath(out))
