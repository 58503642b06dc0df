import { basename, resolve } from 'node:path'
import { z } from 'zod'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import { unpackFolder } from '../../platform/artifacts/unpack-folder.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { Command } from '../command.ts'
import { percentText, print, table } from '../output.ts'
import { grouped } from '../progress.ts'
import { required } from '../required.ts'
import { type Api, allPages, getJson, upload } from '../store/api.ts'
import { doVerb, oneWord } from '../store/verbs.ts'
import { withApi } from '../store/with-api.ts'

const flags = {
  name: z.string().optional().describe('import: the name that it shall bear; that of the folder where absent'),
  out: z.string().optional().describe('export: the folder to write'),
}

export const adapters: Command = {
  summary: 'List the adapters of the store; import, export and remove them.',
  usage: 'adapters [list | show NAME | import DIR [--name N] | export NAME --out DIR | remove NAME]',
  about: `Works on the store: through the server that serves GRAFT_HOME (or GRAFT_URL) where one runs. A folder is one of PEFT, AdapterHub or Graft;
exporting gives the same bytes that were trained or imported.`,
  examples: ['graft adapters', 'graft adapters import film-lora', 'graft adapters export film-lora --out copy'],
  flags: { Adapters: flags },
  positionals: true,
  async run({ json, ...values }, words) {
    const { name, out } = required(flags, values)
    const show = (adapter: Adapter) =>
      print(
        json,
        adapter,
        Object.entries(adapter).map(
          ([field, value]) => `${field}: ${typeof value === 'object' ? JSON.stringify(value) : value}`,
        ),
      )
    await withApi(async (api) =>
      doVerb(
        {
          list: async () => {
            const data = await Array.fromAsync(allPages<Adapter>(api, '/v1/adapters'))
            print(json, { data }, listed(data))
          },
          show: async (rest) => show(await getJson<Adapter>(api, addressOf(oneWord(rest, 'the name of an adapter')))),
          import: async (rest) => {
            const dir = oneWord(rest, 'the folder of an adapter')
            show(await importFolder(api, dir, name ?? basename(resolve(dir))))
          },
          export: async (rest) => {
            const { out: folder } = required({ out: z.string().describe('the folder to write') }, { out })
            const asked = oneWord(rest, 'the name of an adapter')
            const response = await api.request(`${addressOf(asked)}/archive`)
            const { files, bytes } = await unpackFolder(response.body as AsyncIterable<Uint8Array>, folder)
            print(json, { adapter: asked, out: folder, files, bytes }, [
              `${folder}: ${files} files, ${grouped(bytes)} bytes`,
            ])
          },
          remove: async (rest) => {
            const asked = oneWord(rest, 'the name of an adapter')
            await api.request(addressOf(asked), { method: 'DELETE' })
            print(json, { removed: asked }, [`removed ${asked}`])
          },
        },
        words,
        'list',
      ),
    )
  },
}

const addressOf = (name: string): string => `/v1/adapters/${encodeURIComponent(name)}`

function listed(data: readonly Adapter[]): string[] {
  if (data.length === 0) return ['There is no adapter yet: graft train --name film --data FILE makes one.']
  return table([
    ['name', 'method', 'trained', 'accuracy', 'base', 'made', 'digest'],
    ...data.map(({ name, method, trainable, metrics, base, created_at, digest }) => [
      name,
      method,
      grouped(trainable),
      typeof metrics?.accuracy === 'number' ? percentText(metrics.accuracy) : '-',
      base,
      created_at.slice(0, 16).replace('T', ' '),
      digest.slice(0, 12),
    ]),
  ])
}

const importFolder = (api: Api, dir: string, name: string): Promise<Adapter> =>
  upload(api, `/v1/adapters?name=${encodeURIComponent(name)}`, 'application/x-tar', packFolder(dir))
