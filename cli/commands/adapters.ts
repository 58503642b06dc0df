import { basename, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import { unpackFolder } from '../../platform/artifacts/unpack-folder.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatPercent, formatTable, formatTime, printResult } from '../output.ts'
import { formatCount } from '../progress.ts'
import type { Api } from '../store/api.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, runSubcommand } from '../subcommands.ts'

const flags = {
  name: z.string().optional().describe('For import: name of the adapter. Defaults to the name of the folder.'),
  out: z.string().optional().describe('For export: folder to write.'),
}

export const adapters: Command = {
  summary: 'List, import, export and remove adapters',
  usage: 'adapters [list | show NAME | import DIR [--name NAME] | export NAME --out DIR | remove NAME]',
  about: `These commands use the store through the server at GRAFT_URL or the server of GRAFT_HOME, or directly
if no server is running.

An adapter is a folder in the layout of PEFT, AdapterHub, OpenDelta or transformers, with or without a
graft.json. An export has exactly the bytes that were trained or imported.`,
  examples: ['graft adapters', 'graft adapters import film-lora', 'graft adapters export film-lora --out copy'],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { name, out } = checkFlags(flags, values)
    const show = (adapter: Adapter) =>
      printResult(
        json,
        adapter,
        Object.entries(adapter).map(
          ([field, value]) => `${field}: ${typeof value === 'object' ? JSON.stringify(value) : value}`,
        ),
      )
    await withApi(async (api) =>
      runSubcommand(
        {
          list: async () => {
            const data = await Array.fromAsync(api.adapters.list())
            printResult(json, { data }, formatAdapters(data))
          },
          show: async (args) => show(await api.adapters.get(requireArgument(args, 'the name of an adapter'))),
          import: async (args) => {
            const dir = requireArgument(args, 'the folder of an adapter')
            show(await importFolder(api, dir, name ?? basename(resolve(dir))))
          },
          export: async (args) => {
            const { out: folder } = checkFlags({ out: z.string().describe('Folder to write.') }, { out })
            const name = requireArgument(args, 'the name of an adapter')
            const response = await api.adapters.download(name)
            const { files, bytes } = await unpackFolder(response.body as AsyncIterable<Uint8Array>, folder, {
              reserve: 0,
            })
            printResult(json, { adapter: name, out: folder, files, bytes }, [
              `${folder}: ${files} files, ${formatCount(bytes)} bytes`,
            ])
          },
          remove: async (args) => {
            const name = requireArgument(args, 'the name of an adapter')
            await api.adapters.remove(name)
            printResult(json, { removed: name }, [`Removed ${name}`])
          },
        },
        positionals,
        'list',
      ),
    )
  },
}

function formatAdapters(data: readonly Adapter[]): string[] {
  if (data.length === 0) return ['No adapters yet. To train one, run: graft train --name NAME --data FILE']
  return formatTable([
    ['name', 'method', 'trainable', 'accuracy', 'base', 'created', 'digest'],
    ...data.map(({ name, method, trainable, metrics, base, created_at, digest }) => [
      name,
      method,
      formatCount(trainable),
      typeof metrics?.accuracy === 'number' ? formatPercent(metrics.accuracy) : '-',
      base,
      formatTime(created_at),
      digest.slice(0, 12),
    ]),
  ])
}

const importFolder = (api: Api, dir: string, name: string): Promise<Adapter> =>
  api.adapters.upload(name, Readable.toWeb(packFolder(dir)) as ReadableStream)
