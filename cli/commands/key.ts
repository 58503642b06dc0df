import { z } from 'zod'
import type { Key, NewKey } from '../../platform/schemas/keys.ts'
import type { Command } from '../command.ts'
import { print, table } from '../output.ts'
import { required } from '../required.ts'
import { allPages, postJson } from '../store/api.ts'
import { doVerb, oneWord } from '../store/verbs.ts'
import { withApi } from '../store/with-api.ts'

const flags = {
  name: z.string().default('key').describe('create: by which you will know it'),
  scopes: z.array(z.string()).default(['admin']).describe('create: predict, train, admin'),
}

export const key: Command = {
  summary: 'Make, list and revoke API keys.',
  usage: 'key create [--name N] [--scopes predict,train,admin] | key list | key revoke ID',
  about: `Without any key the server answers this machine alone. Once there is one, every request needs a key with the scope for it: predict to classify,
train for that and for all that makes adapters, admin for everything. The first key has to be an admin's. A key is shown once, on stdout; commands
take it from GRAFT_API_KEY.`,
  examples: ['graft key create --name me', 'graft key create --name website --scopes predict', 'graft key list'],
  flags: { Keys: flags },
  positionals: true,
  async run({ json, ...values }, words) {
    const { name, scopes } = required(flags, values)
    await withApi(async (api) =>
      doVerb(
        {
          create: async () => {
            const made = await postJson<NewKey>(api, '/v1/keys', { name, scopes })
            process.stderr.write('Keep it: it is not shown again.\n')
            print(json, made, [made.secret])
          },
          list: async () => {
            const data = await Array.fromAsync(allPages<Key>(api, '/v1/keys'))
            print(json, { data }, data.length > 0 ? listed(data) : ['There is no key: only this machine is answered.'])
          },
          revoke: async (rest) => {
            const id = oneWord(rest, 'the id of a key')
            const response = await api.request(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' })
            const revoked = (await response.json()) as Key
            print(json, revoked, [`revoked ${revoked.name} (${revoked.prefix}…)`])
          },
        },
        words,
        'list',
      ),
    )
  },
}

function listed(data: readonly Key[]): string[] {
  return table([
    ['id', 'name', 'key', 'scopes', 'used', 'revoked'],
    ...data.map(({ id, name, prefix, scopes, last_used_at, revoked_at }) => [
      id,
      name,
      `${prefix}…`,
      scopes.join(','),
      last_used_at ?? '-',
      revoked_at ?? '-',
    ]),
  ])
}
