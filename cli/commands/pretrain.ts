import { dirname } from 'node:path'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import { pretrain as runPretraining } from '../../platform/offline/pretrain.ts'
import { parsePretraining } from '../../training/pretraining/config.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { fetchBase } from '../hub-progress.ts'
import { printResult } from '../output.ts'
import { formatDuration, makeProgress } from '../progress.ts'
import { readYamlFile } from '../read-yaml-file.ts'
import { saveOnSignal } from '../save-on-signal.ts'
import { makeTrainingListener } from '../training-progress.ts'

const flags = {
  config: z.string().describe('YAML file of the start, the tasks and their objectives.'),
  out: z.string().optional().describe('Folder to write the base to. Defaults to the one in the configuration.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
}

export const pretrain: Command = {
  summary: 'Pretrain a base on texts without labels',
  usage: 'pretrain --config FILE [--out DIR] [--threads N]',
  about: `Trains all weights of a T5 with the objectives that the configuration mixes: regression on the vectors
of another model, distributions over words, bags of words, cloze, span corruption, and keeping what the
start computed. docs/pretraining.md lists the fields of the configuration.

Ctrl-C saves the state. The same command continues it, and the result is the same as without the
interruption.`,
  examples: ['graft pretrain --config my-base.yaml --out my-base'],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const { config, threads, ...chosen } = checkFlags(flags, values)
    const fields = parsePretraining(await readYamlFile(config), dirname(config))
    const out = chosen.out ?? fields.out
    if (out === undefined)
      fail('usage', { subject: 'out', problem: 'is missing', fix: 'Pass --out, or set out in the configuration.' })
    const progress = makeProgress()
    const start = await fetchBase(fields.start, progress)
    const spec = { ...fields, start, out, ...(threads && { threads }) }
    const signal = saveOnSignal(progress)
    const { curve, ...result } = await runPretraining(spec, makeTrainingListener(progress), signal)
    printResult(json, { ...result, curve }, [
      result.base,
      `${formatCount(result.steps)} steps with ${formatCount(result.tokens)} tokens in ${formatDuration(result.seconds)}`,
    ])
  },
}
