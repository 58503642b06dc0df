import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import { parseMethod } from '../../model/methods/registry.ts'
import { describeBase, loadCheckpointMethod } from '../../platform/offline/bases.ts'
import { countPublished } from '../../platform/offline/published-methods.ts'
import { fieldsByMethod } from '../../platform/schemas/methods.ts'
import { countOn } from '../../platform/use-cases/count-parameters.ts'
import type { Command } from '../command.ts'
import { hubListener } from '../hub-progress.ts'
import { formatTable, printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'

const flags = {
  base: z
    .string()
    .default('t5-small')
    .describe('Base: t5-small (built in), embedded, a folder, or a name on the Hugging Face hub.'),
  method: z
    .enum(Object.keys(fieldsByMethod) as [string, ...string[]])
    .default('lora')
    .describe('Method to count.'),
  checkpoint: z.string().optional().describe('Folder of an adapter to count, instead of a method.'),
  tensors: z.boolean().describe('List the trained tensors, grouped by name and shape.'),
  table: z.boolean().describe('Print the counts of the methods in a published comparison, on this base.'),
}

export const parameters: Command = {
  summary: 'Count the parameters that a method trains',
  usage: 'parameters [--base BASE] [--method METHOD [flags] | --checkpoint DIR | --table]',
  examples: [
    'graft parameters --table',
    'graft parameters --method lora --rank 4 --tensors',
    'graft parameters --base embedded --checkpoint film-lora --json',
  ],
  flags: {
    Flags: flags,
    ...Object.fromEntries(
      Object.entries(fieldsByMethod).map(([method, fields]) => [`Flags for --method ${method}`, fields]),
    ),
  },
  async run({ json, base, method, checkpoint, tensors, table: published, ...fields }) {
    const [field] = Object.keys(fields)
    if ((published || checkpoint) && (method ?? field))
      fail('usage', {
        subject: `--${field ?? 'method'}`,
        problem: `cannot be combined with --${published ? 'table' : 'checkpoint'}`,
        fix: 'Use only one of them.',
      })
    const name = typeof base === 'string' ? base : checkpoint ? 'embedded' : 't5-small'
    const progress = makeProgress()
    const model = await describeBase(name, hubListener(progress))
    progress.finish()
    if (published) {
      const rows = await countPublished(model)
      return printResult(
        json,
        { base: name, rows },
        formatTable([
          ['method', 'trainable', 'total', 'percent'],
          ...rows.map((row) => [row.name, formatCount(row.trainable), formatCount(row.total), row.percent.toFixed(4)]),
        ]),
      )
    }
    const counted = countOn(
      model,
      checkpoint
        ? await loadCheckpointMethod(String(checkpoint), name)
        : parseMethod({ method: 'lora', ...(method !== undefined && { method: String(method) }), ...fields }),
    )
    const { trainable, added, total, percent, formula, groups = [] } = counted
    printResult(json, tensors ? counted : { trainable, added, total, percent }, [
      `${formatCount(trainable)} of ${formatCount(total)} parameters are trained (${percent.toFixed(4)} %), ${formatCount(added)} of them added to the base`,
      `${formula}`,
      ...(tensors
        ? [
            '',
            ...formatTable([
              ['tensors', 'count', 'shape', 'parameters'],
              ...groups.map((group) => [
                group.name,
                formatCount(group.count),
                group.shape.join(' x '),
                formatCount(group.parameters),
              ]),
            ]),
          ]
        : []),
    ])
  },
}
