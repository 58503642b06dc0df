import { z } from 'zod'
import { type ExportedFolder, exportFolder, exportFormats } from '../../platform/offline/checkpoints.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
import { requireArgument } from '../subcommands.ts'

const flags = {
  format: z.enum(exportFormats as [string, ...string[]]).describe('Format to write.'),
  out: z.string().describe('Folder to write.'),
  base: baseFlag,
}

const exportAdapter: Command = {
  summary: 'Write the folder of an adapter in the format of another library',
  usage: 'export DIR --format FORMAT --out DIR [--base DIR]',
  about: `Reads a folder of PEFT, AdapterHub, OpenDelta or Graft and writes one that the other library loads and
that computes the same: the logits of both are compared before the command ends. A format that cannot
express the function is refused with the reason. merged is a full model with the adapter in its
weights, for lora and ia3. onnx is a model with the adapter, of any method, that transformers.js runs in
Node and in browsers, in float32 and in int8; its README.md shows how. docs/checkpoints.md says which
conversions exist.`,
  examples: [
    'graft export film-lora --format onnx --out film-onnx',
    'graft export film-lora --format adapterhub --out film-hub',
    'graft export film-lora --format merged --out film-model',
  ],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const dir = requireArgument(positionals, 'the folder of an adapter')
    const { format, out, base } = checkFlags(flags, values)
    const exported = await exportFolder(dir, format, out, await fetchBase(base, makeProgress()))
    printResult(json, { out, ...exported }, formatExport(dir, out, exported))
  },
}

function formatExport(dir: string, out: string, { method, layout, onnx }: ExportedFolder): string[] {
  if (!onnx) return [`${out}: ${method.method} in the layout ${layout}, with the same logits as ${dir}`]
  return [
    `${out}: ${method.method}, ${onnx.merged ? 'merged into the weights' : 'computed by the graphs'}, for transformers.js`,
    `float32: the same logits as ${dir}`,
    `int8: ${onnx.largest_change === 0 ? 'the same logits' : `a logit changes by at most ${onnx.largest_change.toPrecision(2)}`}`,
  ]
}

// `export` is a reserved word.
export { exportAdapter as export }
