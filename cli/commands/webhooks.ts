import { z } from 'zod'
import { webhookEvents } from '../../platform/schemas/webhook-events.ts'
import type { Delivery, Webhook, WebhookRequest } from '../../platform/schemas/webhooks.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatTable, formatTime, printResult } from '../output.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, runSubcommand } from '../subcommands.ts'

const flags = {
  events: z
    .array(z.string())
    .optional()
    .describe(`For create: any of ${webhookEvents.join(', ')}. Defaults to all.`),
}

export const webhooks: Command = {
  summary: 'Send signed messages when trainings, evaluations and comparisons end',
  usage: 'webhooks [list | create URL [--events EVENT,…] | deliveries ID | remove ID]',
  about: `The workers send the messages, signed as Standard Webhooks defines, and repeat them for about a day until
the receiver accepts them. A new secret is shown once, on stdout. Only public addresses with https are
allowed, unless the server and the workers were started to allow others. See docs/operating.md.`,
  examples: [
    'graft webhooks create https://example.com/graft --events training.succeeded,training.failed',
    'graft webhooks deliveries ID',
  ],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { events } = checkFlags(flags, values)
    await withApi(async (api) =>
      runSubcommand(
        {
          list: async () => {
            const data = await Array.fromAsync(api.webhooks.list())
            const empty = ['No webhooks yet. To register one, run: graft webhooks create URL']
            printResult(json, { data }, data.length > 0 ? formatWebhooks(data) : empty)
          },
          create: async (args) => {
            const url = requireArgument(args, 'the address of the receiver')
            const created = await api.webhooks.create({ url, events } as WebhookRequest)
            process.stderr.write('Save this secret now. It is not shown again.\n')
            printResult(json, created, [created.secret])
          },
          deliveries: async (args) => {
            const id = requireArgument(args, 'the id of a webhook')
            const data = await Array.fromAsync(api.webhooks.listDeliveries(id))
            printResult(json, { data }, data.length > 0 ? formatDeliveries(data) : ['No messages in the last week.'])
          },
          remove: async (args) => {
            const id = requireArgument(args, 'the id of a webhook')
            const removed = await api.webhooks.remove(id)
            printResult(json, removed, [`Removed ${removed.url}`])
          },
        },
        positionals,
        'list',
      ),
    )
  },
}

function formatWebhooks(data: readonly Webhook[]): string[] {
  return formatTable([
    ['id', 'url', 'events'],
    ...data.map(({ id, url, events }) => [id, url, events.length === webhookEvents.length ? 'all' : events.join(',')]),
  ])
}

function formatDeliveries(data: readonly Delivery[]): string[] {
  return formatTable([
    ['id', 'event', 'created', 'status', 'attempts', 'failure'],
    ...data.map(({ id, event, created_at, status, attempts, failure }) => [
      ...[id, event, formatTime(created_at), status, String(attempts), failure ?? '-'],
    ]),
  ])
}
