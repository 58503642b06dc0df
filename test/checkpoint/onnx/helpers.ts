import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { AutoModelForSeq2SeqLM, type PreTrainedModel, Tensor } from '@huggingface/transformers'
import { saveAdapter } from '../../../checkpoint/adapter.ts'
import type { Base } from '../../../checkpoint/base.ts'
import { packageRoot } from '../../../core/entry.ts'
import type { MethodConfig } from '../../../model/methods/registry.ts'
import { tinyBase } from '../../training/tiny.ts'
import { freshPath, parityPath, randomAdapter } from '../helpers.ts'

/** Returns the folder of a random FLAN-T5 (gated gelu, separate head) with the tokenizer of `tinyBase`. */
export function tinyFlanBase(): string {
  const dir = freshPath('flan-base')
  mkdirSync(dir, { recursive: true })
  for (const name of ['config.json', 'model.safetensors']) cpSync(parityPath(`tiny-flan/${name}`), join(dir, name))
  for (const name of ['tokenizer.json', 'graft-base.json']) cpSync(join(tinyBase(), name), join(dir, name))
  return dir
}

/** Saves an adapter with random values on a base. */
export async function saveRandom(base: Base, config: MethodConfig, size?: number): Promise<string> {
  const dir = freshPath('adapter')
  await saveAdapter(dir, randomAdapter(config, base, size), base, {
    label_words: { negative: 'worst', positive: 'excellent' },
    labels: ['negative', 'positive'],
    temperature: 1.5,
    truncation: { max_tokens: 40, side: 'middle' },
  })
  return dir
}

export interface Label {
  label: string
  score: number
  scores: Record<string, number>
}

/** The options of transformers.js for tests that share the processor with others. */
const options = { session_options: { intraOpNumThreads: 1 } }

/** Runs the program that an exported folder contains, as a user does in Node. */
export async function openReader(dir: string, dtype: 'fp32' | 'q8'): Promise<(text: string) => Promise<Label>> {
  linkPackages(dir)
  const { loadClassifier } = await import(pathToFileURL(join(dir, 'classify.js')).href)
  return loadClassifier(dir, { dtype, ...options })
}

/** Makes the packages of this project those of a folder. */
function linkPackages(dir: string): void {
  const link = join(dirname(dir), 'node_modules')
  try {
    symlinkSync(join(packageRoot, 'node_modules'), link)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Loads an exported folder in transformers.js. */
export const loadModel = (dir: string, dtype: 'fp32' | 'q8'): Promise<PreTrainedModel> =>
  AutoModelForSeq2SeqLM.from_pretrained(dir, { dtype, ...options })

export const toRows = (rows: readonly (readonly number[])[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length])
