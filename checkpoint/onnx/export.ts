import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../../core/durable.ts'
import { findMethod } from '../../model/methods/registry.ts'
import { type StepPrograms, stepPrograms } from '../../model/step-programs.ts'
import type { Adapter } from '../adapter.ts'
import type { Base } from '../base.ts'
import { mergeInto } from '../merge.ts'
import { requireSameLogits } from '../probe-check.ts'
import { makeProbeSettings, type ProbeSettings } from '../probe-logits.ts'
import { fillFolder, requireFreeFolder, writeNewFile } from '../write-folder.ts'
import { folderFiles } from './folder-files.ts'
import { stepGraphs } from './graphs.ts'
import type { LabelReading } from './label-reading.ts'
import { expectedLogits, logitsOfFiles, type StepLogits } from './step-probe.ts'
import { type Steps, stepsOf } from './steps.ts'
import { asFloats, asInt8Rows, type Weights } from './weights.ts'
import { writeGraph } from './write-graph.ts'

/** The result of an export. */
export interface OnnxExport {
  /** True if the adapter is part of the weights. Otherwise the graphs compute its changes. */
  readonly merged: boolean
  /** The most by which int8 weights change a logit of the fixed inputs. */
  readonly largestChange: number
}

/**
 * Writes a model with an adapter as ONNX files for transformers.js, completely or not at all: in f32, and with weights
 * rounded to int8. Before the folder appears, its files run on fixed inputs, and their logits are compared with those
 * that Graft computes.
 * @throws GraftError `output_exists`, `disk_full`; `checkpoint_config` if the model is not an encoder with a decoder or
 * is too large; `base_incomplete` if the base has no tokenizer
 */
export async function exportOnnx(
  adapter: Adapter,
  base: Base,
  reading: LabelReading,
  out: string,
): Promise<OnnxExport> {
  await requireFreeFolder(out)
  const steps = stepsOf(base)
  const { method } = adapter.method
  const files = await folderFiles(steps, base, method, reading)
  const settings = makeProbeSettings(steps.model, reading.labels.tokens)
  const withBase = (values: Adapter['values']) => new Map([...base.tensors, ...values])
  const original = await expectedLogits(steps, adapter.method, withBase(adapter.values), settings)
  const merged = method === 'full' || findMethod(method).merges === true
  const trained = merged ? await mergeInto(base, adapter) : adapter
  const values = withBase(trained.values)
  const programs = stepPrograms(steps.model, steps.parts, trained.method)
  const rounded = asInt8Rows(values, steps.model)
  const expected = await expectedLogits(steps, trained.method, rounded.values, settings)
  await fillFolder(out, async (partial) => {
    for (const [name, content] of Object.entries(files)) await writeNewFile(join(partial, name), content)
    const folder = join(partial, 'onnx')
    await mkdir(folder)
    await writeGraphs(folder, steps, programs, asFloats(values), settings, original)
    await writeGraphs(folder, steps, programs, rounded, settings, expected)
    syncFolder(folder)
  })
  return { merged, largestChange: largestDifference(original, expected) }
}

/** Writes the files of a model with some weights, and runs them. */
async function writeGraphs(
  folder: string,
  steps: Steps,
  programs: StepPrograms,
  weights: Weights,
  settings: ProbeSettings,
  expected: StepLogits,
): Promise<void> {
  const graphs = stepGraphs(programs, weights)
  const pathOf = (name: string) => join(folder, `${name}${weights.suffix}.onnx`)
  for (const [name, graph] of Object.entries(graphs)) await writeGraph(pathOf(name), graph)
  for (const found of await logitsOfFiles(steps, graphs, pathOf, settings))
    for (const [step, logits] of expected.entries())
      requireSameLogits(
        { ...settings, logits, base_logits: [] },
        { ...settings, logits: found[step], base_logits: [] },
        `the files onnx/*${weights.suffix}.onnx, step ${step}`,
      )
}

const largestDifference = (a: StepLogits, b: StepLogits): number =>
  a.flat(2).reduce((largest, logit, i) => Math.max(largest, Math.abs(logit - b.flat(2)[i])), 0)
