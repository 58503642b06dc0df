import { Readable } from 'node:stream'
import { z } from 'zod'
import { formatCount } from '../../core/format-count.ts'
import { unpackFolder } from '../../platform/artifacts/unpack-folder.ts'
import { packAdapter, pushAdapter } from '../../platform/offline/hub-adapters.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { hubListener } from '../hub-progress.ts'
import { formatPercent, formatTable, formatTime, printResult } from '../output.ts'
import { makeProgress, type Progress } from '../progress.ts'
import type { Api } from '../store/api.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, requireTwoArguments, runSubcommand } from '../subcommands.ts'

const flags = {
  name: z
    .string()
    .optional()
    .describe('For import: name of the adapter. Defaults to the name of the folder or of the repository.'),
  out: z.string().optional().describe('For export: folder to write.'),
  private: z.boolean().default(false).describe('For push: make the repository private if it is created.'),
  revision: z.string().optional().describe('For push: branch to upload to. It is created if needed. Defaults to main.'),
}

export const adapters: Command = {
  summary: 'List, import, export and remove adapters, also from and to the Hugging Face hub',
  usage:
    'adapters [list | show NAME | import SOURCE [--name NAME] | export NAME --out DIR | push NAME REPO [--private] [--revision BRANCH] | remove NAME]',
  about: `These commands use the store through the server at GRAFT_URL or the server of GRAFT_HOME, or directly
if no server is running.

An adapter is a folder in the layout of PEFT, AdapterHub, OpenDelta or transformers, with or without a
graft.json. An export has exactly the bytes that were trained or imported.

SOURCE is such a folder, or a repository on the Hugging Face hub: owner/name, hf:owner/name or
hf:owner/name@revision. push uploads the folder of an adapter to the repository REPO as one commit, and
creates the repository if it does not exist. It needs a token with the right to write in HF_TOKEN.
docs/hub.md has the details.`,
  examples: [
    'graft adapters',
    'graft adapters import film-lora',
    'graft adapters import hf:owner/film-lora@v1 --name film',
    'graft adapters export film-lora --out copy',
    'graft adapters push film-lora owner/film-lora --private',
  ],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { name, out, private: isPrivate, revision } = checkFlags(flags, values)
    const progress = makeProgress()
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
            const source = requireArgument(args, 'the folder of an adapter, or its name on the hub')
            show(await importAdapter(api, source, name, progress))
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
          push: async (args) => {
            const [id, target] = requireTwoArguments(args, 'the name of an adapter, and a repository on the hub')
            const { name } = await api.adapters.get(id)
            const download = async () => (await api.adapters.download(name)).body as AsyncIterable<Uint8Array>
            const pushed = await pushAdapter({ name, download, target, revision, isPrivate }, hubListener(progress))
            printResult(json, { adapter: name, ...pushed }, [pushed.url])
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

async function importAdapter(api: Api, source: string, name: string | undefined, progress: Progress): Promise<Adapter> {
  const { name: ownName, content } = await packAdapter(source, hubListener(progress)).finally(progress.finish)
  return api.adapters.upload(name ?? ownName, Readable.toWeb(content) as ReadableStream)
}
