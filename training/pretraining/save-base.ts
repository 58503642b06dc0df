import { resolve } from 'node:path'
import type { Base } from '../../checkpoint/base.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { writeFolder } from '../../checkpoint/write-folder.ts'
import { modelOf } from '../../model/architectures.ts'
import type { Progress } from '../state/state.ts'
import type { PretrainingSpec } from './config.ts'

/** A point of the curves: running means of the losses, and the losses on the held-out documents, by objective. */
export interface PretrainingPoint {
  step: number
  losses: Readonly<Record<string, number>>
  held_out: Readonly<Record<string, number>>
}

export interface PretrainingResult {
  base: string
  steps: number
  /** Tokens of all segments, padding excluded. */
  tokens: number
  seconds: number
  curve: PretrainingPoint[]
}

/** Writes the folder of a pretrained base, completely or not at all. The heads of the objectives are left out. */
export async function saveBase(
  { out, name, label_words, start: _start, threads: _threads, ...settings }: PretrainingSpec,
  base: Base,
  values: Readonly<Record<string, Float32Array>>,
  { step: steps, reviews: tokens, seconds, curve }: Progress<PretrainingPoint>,
): Promise<PretrainingResult> {
  const { tensors } = modelOf(base)
  const weights = new Map(tensors.map((tensor) => [tensor.name, { shape: tensor.shape, data: values[tensor.name] }]))
  const result = { base: resolve(out), steps, tokens, seconds, curve }
  const toJson = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
  const tasks = settings.tasks.map(({ data: _data, ...task }) => task)
  await writeFolder(out, {
    'config.json': base.configText,
    'model.safetensors': encodeSafetensors(weights, { metadata: { format: 'pt' } }),
    ...(base.tokenizer && {
      'tokenizer.json': toJson(base.tokenizer.json),
      'tokenizer_config.json': toJson(base.tokenizer.config),
    }),
    'graft-base.json': toJson({ name, label_words }),
    'pretraining.json': toJson({ steps, tokens, seconds, settings: { ...settings, tasks }, curve }),
  })
  return result
}
