import { z } from 'zod'
import type { Alias, AliasMove, AliasRequest } from '../../platform/schemas/aliases.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatTable, formatTime, printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
import type { Api } from '../store/api.ts'
import { compareOnDataset } from '../store/short-work-on-store.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, requireTwoArguments, runSubcommand } from '../subcommands.ts'

const flags = {
  dataset: z
    .string()
    .optional()
    .describe('For set: compare on this data set first. Move the alias only if the adapter is not worse.'),
  comparison: z.string().optional().describe('For set: id of a comparison that shows that the adapter is not worse.'),
  guard: z.boolean().optional().describe('For set: require a comparison for every later move.'),
  margin: z
    .number()
    .optional()
    .describe('For set: loss of accuracy that the guard allows, in percentage points. Defaults to 1.'),
  guard_dataset: z.string().optional().describe('For set: data set that the guard requires for comparisons.'),
  no_guard: z.boolean().optional().describe('For set: remove the guard. Needs the scope admin.'),
  force: z.boolean().optional().describe('For set: ignore the guard. Needs the scope admin.'),
}

export const aliases: Command = {
  summary: 'Point stable names, such as production, to adapters',
  usage: 'aliases [list | show NAME | set NAME ADAPTER | history NAME | remove NAME]',
  about: `An alias can be used wherever the name of an adapter is expected. With --dataset the current adapter
and the new one are compared first. The alias moves only if the comparison shows that the new adapter
is not worse by more than the margin. A guard requires such a comparison for every move. See
docs/comparing.md.`,
  examples: [
    'graft aliases set production film-lora --guard --margin 1',
    'graft aliases set production film-2 --dataset imdb-test',
    'graft aliases history production',
  ],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const options = checkFlags(flags, values)
    const show = (alias: Alias) => printResult(json, alias, formatAliases([alias]))
    await withApi(
      async (api) =>
        runSubcommand(
          {
            list: async () => {
              const data = await Array.fromAsync(api.aliases.list())
              const empty = ['No aliases yet. To set one, run: graft aliases set NAME ADAPTER']
              printResult(json, { data }, data.length > 0 ? formatAliases(data) : empty)
            },
            show: async (args) => show(await api.aliases.get(requireArgument(args, 'the name of an alias'))),
            set: async (args) => {
              const [name, adapter] = requireTwoArguments(args, 'the name of an alias and the name of an adapter')
              const comparison = options.comparison ?? (await compareWithCurrent(api, name, adapter, options.dataset))
              const request: AliasRequest = { adapter, comparison, guard: toGuard(options), force: options.force }
              show(await api.aliases.set(name, request))
            },
            history: async (args) => {
              const data = await Array.fromAsync(api.aliases.listMoves(requireArgument(args, 'the name of an alias')))
              printResult(json, { data }, data.length > 0 ? formatMoves(data) : ['No alias has ever had this name.'])
            },
            remove: async (args) => {
              const name = requireArgument(args, 'the name of an alias')
              await api.aliases.remove(name)
              printResult(json, { removed: name }, [`Removed ${name}`])
            },
          },
          positionals,
          'list',
        ),
      { worker: options.dataset !== undefined },
    )
  },
}

/** A percentage point, as a share. */
const POINT = 0.01

function toGuard({ guard, margin, guard_dataset: dataset, no_guard }: z.infer<z.ZodObject<typeof flags>>) {
  if (no_guard) return null
  if (!guard && margin === undefined && dataset === undefined) return undefined
  return { ...(margin !== undefined && { margin: margin * POINT }), ...(dataset !== undefined && { dataset }) }
}

/**
 * Compares the current adapter of an alias with the new one.
 * @returns the id of the comparison, or undefined if there is nothing to compare
 */
async function compareWithCurrent(api: Api, name: string, adapter: string, dataset: string | undefined) {
  if (dataset === undefined) return undefined
  const known = await Array.fromAsync(api.aliases.list())
  const current = known.find((alias) => alias.name === name)?.adapter
  if (!current || adapter === current.name || adapter === current.id) return undefined
  const progress = makeProgress()
  progress.writeLine(`Comparing ${current.name} with ${adapter} on ${dataset} …`)
  const { id, result } = await compareOnDataset(api, [current.id, adapter], dataset)
  progress.writeLine(`${result?.verdict}`)
  return id
}

function formatAliases(data: readonly Alias[]): string[] {
  return formatTable([
    ['alias', 'adapter', 'digest', 'margin', 'moved'],
    ...data.map(({ name, adapter, guard, moved_at }) => [
      name,
      adapter.name,
      adapter.digest.slice(0, 12),
      guard ? `${Number((guard.margin / POINT).toFixed(2))} points` : '-',
      formatTime(moved_at),
    ]),
  ])
}

function formatMoves(data: readonly AliasMove[]): string[] {
  return formatTable([
    ['time', 'from', 'to', 'comparison', 'key'],
    ...data.map(({ created_at, from, to, comparison, forced, key }) => [
      formatTime(created_at),
      from?.name ?? '-',
      to?.name ?? 'removed',
      forced ? 'forced' : (comparison ?? '-'),
      key ?? '-',
    ]),
  ])
}
