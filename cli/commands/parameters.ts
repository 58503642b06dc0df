import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { baseShape, checkpointMethod } from '../../platform/offline/bases.ts'
import { publishedCounts } from '../../platform/offline/published-counts.ts'
import { methodFields, parseMethod } from '../../platform/offline/train.ts'
import { countOn } from '../../platform/use-cases/count-parameters.ts'
import type { Command } from '../command.ts'
import { print, table } from '../output.ts'
import { grouped } from '../progress.ts'

const flags = {
  base: z.string().default('t5-small').describe('t5-small (built in), embedded, or the folder of a base'),
  method: z
    .enum(Object.keys(methodFields) as [string, ...string[]])
    .default('lora')
    .describe('what would be trained'),
  checkpoint: z.string().optional().describe('count what this adapter trained, instead of a method'),
  tensors: z.boolean().describe('list the families of tensors'),
  table: z.boolean().describe('the published comparison of methods, on this base'),
}

export const parameters: Command = {
  summary: 'Count what a method trains, without training.',
  usage: 'parameters [--base BASE] [--method METHOD --rank N …|--checkpoint DIR|--table]',
  examples: [
    'graft parameters --table',
    'graft parameters --method lora --rank 4 --tensors',
    'graft parameters --base embedded --checkpoint film-lora --json',
  ],
  flags: {
    Parameters: flags,
    ...Object.fromEntries(Object.entries(methodFields).map(([method, fields]) => [`Fields of ${method}`, fields])),
  },
  async run({ json, base, method, checkpoint, tensors, table: published, ...fields }) {
    const [field] = Object.keys(fields)
    if ((published || checkpoint) && (method ?? field))
      fail('usage', {
        subject: `--${field ?? 'method'}`,
        expected: `nothing beside --${published ? 'table' : 'checkpoint'}`,
        found: 'this flag',
        fix: 'Leave one of them out.',
      })
    const name = typeof base === 'string' ? base : checkpoint ? 'embedded' : 't5-small'
    const shape = await baseShape(name)
    if (published) {
      const rows = publishedCounts(shape)
      return print(
        json,
        { base: name, rows },
        table([
          ['method', 'trainable', 'total', 'per cent'],
          ...rows.map((row) => [row.name, grouped(row.trainable), grouped(row.total), row.percent.toFixed(4)]),
        ]),
      )
    }
    const counted = countOn(
      shape,
      checkpoint
        ? await checkpointMethod(String(checkpoint), name)
        : parseMethod({ method: 'lora', ...(method !== undefined && { method: String(method) }), ...fields }),
    )
    const { trainable, added, total, percent, formula, groups = [] } = counted
    print(json, tensors ? counted : { trainable, added, total, percent }, [
      `trainable ${grouped(trainable)} of ${grouped(total)} (${percent.toFixed(4)} %), ${grouped(added)} of them added to the base`,
      `${formula}`,
      ...(tensors
        ? [
            '',
            ...table([
              ['tensors', 'count', 'shape', 'parameters'],
              ...groups.map((group) => [
                group.name,
                grouped(group.count),
                group.shape.join(' x '),
                grouped(group.parameters),
              ]),
            ]),
          ]
        : []),
    ])
  },
}
