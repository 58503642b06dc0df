import { z } from 'zod'
import type { Key, KeyRequest } from '../../platform/schemas/keys.ts'
import { keyScopes } from '../../platform/schemas/statuses.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatTable, printResult } from '../output.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, runSubcommand } from '../subcommands.ts'

const flags = {
  name: z.string().default('key').describe('For create: name of the key.'),
  scopes: z
    .array(z.string())
    .default(['admin'])
    .describe(`For create: any of ${keyScopes.join(', ')}.`),
}

export const key: Command = {
  summary: 'Create, list and revoke API keys',
  usage: 'key [list | create [--name NAME] [--scopes predict,train,metrics,admin] | revoke ID]',
  about: `Without keys the server accepts only requests from this machine. Once a key exists, every request
needs a key with the right scope: predict to classify and read, train also to launch trainings and
change adapters, metrics for nothing but /metrics, admin for everything. The first key must have the
scope admin. A new key is shown once, on stdout. Commands read it from GRAFT_API_KEY.`,
  examples: ['graft key create --name me', 'graft key create --name website --scopes predict', 'graft key list'],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { name, scopes } = checkFlags(flags, values)
    await withApi(async (api) =>
      runSubcommand(
        {
          create: async () => {
            const created = await api.keys.create({ name, scopes: scopes as KeyRequest['scopes'] })
            process.stderr.write('Save this key now. It is not shown again.\n')
            printResult(json, created, [created.secret])
          },
          list: async () => {
            const data = await Array.fromAsync(api.keys.list())
            printResult(
              json,
              { data },
              data.length > 0 ? formatKeys(data) : ['No keys. The server accepts only requests from this machine.'],
            )
          },
          revoke: async (args) => {
            const id = requireArgument(args, 'the id of a key')
            const revoked = await api.keys.revoke(id)
            printResult(json, revoked, [`Revoked ${revoked.name} (${revoked.prefix}…)`])
          },
        },
        positionals,
        'list',
      ),
    )
  },
}

function formatKeys(data: readonly Key[]): string[] {
  return formatTable([
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
