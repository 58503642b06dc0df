import { z } from 'zod'
import { serveStdio } from '../../mcp/stdio.ts'
import type { Command } from '../command.ts'
import { progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { withApi } from '../store/with-api.ts'

const flags = {
  threads: z.int().positive().optional().describe('where no server runs; one for each core where absent'),
}

export const mcp: Command = {
  summary: 'Serve the tools for agents over stdin and stdout (Model Context Protocol).',
  usage: 'mcp [--threads N]',
  about: `Clients start it themselves; docs/mcp.md has their configuration. It carries their calls to the server that serves GRAFT_HOME, or to GRAFT_URL with the
key in GRAFT_API_KEY. Where no server runs it opens the store and trains by itself, until its stdin ends: the state of what it trains is saved then. An
agent that speaks HTTP needs no command: the tools are at /mcp of the server.`,
  examples: ['graft mcp', 'claude mcp add graft -- graft mcp'],
  flags: { Tools: flags },
  async run({ json: _, ...values }) {
    const { threads } = required(flags, values)
    const { stdin: input, stdout: output } = process
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    await withApi(
      async (api) => {
        progressTo().say(api.url ? `Tools of ${api.url}` : 'No server runs: the store is open here')
        await serveStdio({ input, output, signal: stop.signal, send: (init) => api.send('/mcp', init) })
      },
      { worker: true, threads },
    )
  },
}
