import { z } from 'zod'
import type { Alias, AliasMove, AliasRequest } from '../../platform/schemas/aliases.ts'
import type { Command } from '../command.ts'
import { print, table } from '../output.ts'
import { progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { type Api, allPages, getJson, putJson } from '../store/api.ts'
import { compareOnDataset } from '../store/short-work-on-store.ts'
import { doVerb, oneWord, twoWords } from '../store/verbs.ts'
import { withApi } from '../store/with-api.ts'

const flags = {
  dataset: z.string().optional().describe('set: compare on this data set of the store first; moved only if not worse'),
  comparison: z.string().optional().describe('set: the id of a comparison that shows it is not worse'),
  guard: z.boolean().optional().describe('set: from now on demand such a comparison of every move'),
  margin: z.number().optional().describe('set: the loss that a guard allows, in points of accuracy; 1 where absent'),
  guard_dataset: z.string().optional().describe('set: the data set on which a guard demands comparisons'),
  no_guard: z.boolean().optional().describe('set: demand nothing any more (needs the scope admin)'),
  force: z.boolean().optional().describe('set: pass the guard over (needs the scope admin)'),
}

export const aliases: Command = {
  summary: 'Names such as production that lead to adapters: promote an adapter, and see every move.',
  usage: 'aliases [list | show NAME | set NAME ADAPTER | history NAME | remove NAME]',
  about: `An alias does wherever an adapter's name is asked for. With --dataset the adapter that it leads to and the new one are compared first, and the alias is moved only
if the comparison rules out that the new one is worse by more than the margin; a guard demands that of every move. docs/comparing.md tells more.`,
  examples: [
    'graft aliases set production film-lora --guard --margin 1',
    'graft aliases set production film-2 --dataset imdb-test',
    'graft aliases history production',
  ],
  flags: { Aliases: flags },
  positionals: true,
  async run({ json, ...values }, words) {
    const asked = required(flags, values)
    const show = (alias: Alias) => print(json, alias, listed([alias]))
    await withApi(
      async (api) =>
        doVerb(
          {
            list: async () => {
              const data = await Array.fromAsync(allPages<Alias>(api, '/v1/aliases'))
              const none = ['There is no alias yet: graft aliases set production ADAPTER makes one.']
              print(json, { data }, data.length > 0 ? listed(data) : none)
            },
            show: async (rest) => show(await getJson<Alias>(api, addressOf(oneWord(rest, 'the name of an alias')))),
            set: async (rest) => {
              const [name, adapter] = twoWords(rest, 'the name of an alias and that of an adapter')
              const comparison = asked.comparison ?? (await compared(api, name, adapter, asked.dataset))
              const request: AliasRequest = { adapter, comparison, guard: guardOf(asked), force: asked.force }
              show(await putJson<Alias>(api, addressOf(name), request))
            },
            history: async (rest) => {
              const address = `${addressOf(oneWord(rest, 'the name of an alias'))}/moves`
              const data = await Array.fromAsync(allPages<AliasMove>(api, address))
              print(json, { data }, data.length > 0 ? moves(data) : ['No alias of that name was ever there.'])
            },
            remove: async (rest) => {
              const name = oneWord(rest, 'the name of an alias')
              await api.request(addressOf(name), { method: 'DELETE' })
              print(json, { removed: name }, [`removed ${name}`])
            },
          },
          words,
          'list',
        ),
      { worker: asked.dataset !== undefined },
    )
  },
}

const addressOf = (name: string): string => `/v1/aliases/${encodeURIComponent(name)}`

const POINT = 0.01

function guardOf({ guard, margin, guard_dataset: dataset, no_guard }: z.infer<z.ZodObject<typeof flags>>) {
  if (no_guard) return null
  if (!guard && margin === undefined && dataset === undefined) return undefined
  return { ...(margin !== undefined && { margin: margin * POINT }), ...(dataset !== undefined && { dataset }) }
}

/** The id of a comparison of what the alias leads to with the new adapter; undefined where there is nothing to compare. */
async function compared(api: Api, name: string, adapter: string, dataset: string | undefined) {
  if (dataset === undefined) return undefined
  const there = await Array.fromAsync(allPages<Alias>(api, '/v1/aliases'))
  const current = there.find((alias) => alias.name === name)?.adapter
  if (!current || adapter === current.name || adapter === current.id) return undefined
  const progress = progressTo()
  progress.say(`Comparing ${current.name} with ${adapter} on ${dataset} …`)
  const { id, result } = await compareOnDataset(api, [current.id, adapter], dataset)
  progress.say(`${result?.verdict}`)
  return id
}

const minute = (time: string): string => time.slice(0, 16).replace('T', ' ')

function listed(data: readonly Alias[]): string[] {
  return table([
    ['alias', 'adapter', 'digest', 'loss allowed', 'moved'],
    ...data.map(({ name, adapter, guard, moved_at }) => [
      name,
      adapter.name,
      adapter.digest.slice(0, 12),
      guard ? `${Number((guard.margin / POINT).toFixed(2))} points` : '-',
      minute(moved_at),
    ]),
  ])
}

function moves(data: readonly AliasMove[]): string[] {
  return table([
    ['when', 'from', 'to', 'comparison', 'by key'],
    ...data.map(({ created_at, from, to, comparison, forced, key }) => [
      minute(created_at),
      from?.name ?? '-',
      to?.name ?? 'removed',
      forced ? 'forced' : (comparison ?? '-'),
      key ?? '-',
    ]),
  ])
}
