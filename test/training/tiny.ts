import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { random } from '../../core/random.ts'
import type { TrainingEvent, TrainingResult } from '../../training/events.ts'
import { parseTrainingSpec, type TrainingSpec } from '../../training/spec.ts'
import { train } from '../../training/train.ts'
import { freshPath, parity } from '../checkpoint/helpers.ts'

const GOOD = ['lovely', 'superb', 'moving', 'gripping']
const BAD = ['dull', 'awful', 'clumsy', 'tedious']
const OTHER = 'the a film story actor plot scene was is and of it we they music camera end night city friend'.split(' ')

let base: string | undefined

/** The folder of a random T5 of 62,144 parameters with a tokenizer of whole words: a training takes a second. */
export function tinyBase(): string {
  if (base) return base
  base = freshPath('tiny-base')
  mkdirSync(base, { recursive: true })
  for (const file of ['config.json', 'model.safetensors']) cpSync(parity(`tiny-t5/${file}`), join(base, file))
  const pieces = ['<pad>', '</s>', '<unk>', 'excellent', 'worst', 'fine', ...GOOD, ...BAD, ...OTHER]
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

/** Reviews of 5 to 50 words, of which three tell the label. The same for the same seed. */
export function reviews(count: number, seed = 0): { text: string; label: string }[] {
  const { integer, shuffle } = random(seed, 'reviews')
  const some = (words: readonly string[], n: number) => Array.from({ length: n }, () => words[integer(words.length)])
  return Array.from({ length: count }, (_, i) => ({
    text: shuffle([...some(OTHER, 2 + integer(46)), ...some(i % 2 ? GOOD : BAD, 3)]).join(' '),
    label: i % 2 ? 'positive' : 'negative',
  }))
}

export function writeReviews(rows: readonly object[], path = freshPath('reviews.jsonl')): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
  return path
}

let data: { data: string; test: string } | undefined

/** 120 reviews to train on and 60 to test on; a step has about 50 reviews in two micro-batches. */
export function tinySpec(fields: Readonly<Record<string, unknown>> = {}): TrainingSpec {
  data ??= { data: writeReviews(reviews(120)), test: writeReviews(reviews(60, 1)) }
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

export interface Told {
  result?: TrainingResult
  events: TrainingEvent[]
}

/** Trains in this process; `stopAt` interrupts after that step. */
export async function run(spec: TrainingSpec, { resume = false, stopAt = -1 } = {}): Promise<Told> {
  const events: TrainingEvent[] = []
  const stop = new AbortController()
  const listen = (event: TrainingEvent) => {
    events.push(event)
    if (event.type === 'step' && event.step === stopAt) stop.abort()
  }
  return { result: await train(spec, listen, stop.signal, resume), events }
}

/** The file of the weights, whatever the layout calls it. */
export function weightsPath(out: string): string {
  const names = ['adapter_model.safetensors', 'adapter.safetensors', 'model.safetensors']
  const path = names.map((name) => join(out, name)).find((file) => existsSync(file))
  if (!path) throw new Error(`${out} holds none of ${names.join(', ')}`)
  return path
}

export const weightsOf = (out: string): Buffer => readFileSync(weightsPath(out))
