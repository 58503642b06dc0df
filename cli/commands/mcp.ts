import { z } from 'zod'
import { serveStdio } from '../../mcp/stdio.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { makeProgress } from '../progress.ts'
import { withApi } from '../store/with-api.ts'

const flags = {
  threads: z
    .int()
    .positive()
    .optional()
    .describe('Number of threads if no server is running. Defaults to one per core.'),
}

export const mcp: Command = {
  summary: 'Serve the agent tools over stdin and stdout (Model Context Protocol)',
  usage: 'mcp [--threads N]',
  about: `An MCP client starts this command itself. See docs/mcp.md for its configuration. Calls are forwarded to
the server at GRAFT_URL, with the key in GRAFT_API_KEY, or to the server of GRAFT_HOME. If no server is
running, the command opens the store and runs trainings itself until its stdin ends, then saves the
state of the running training. An agent that speaks HTTP does not need this command: the server has
the tools at /mcp.`,
  examples: ['graft mcp', 'claude mcp add graft -- graft mcp'],
  flags: { Flags: flags },
  async run({ json: _, ...values }) {
    const { threads } = checkFlags(flags, values)
    const { stdin: input, stdout: output } = process
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    await withApi(
      async (api) => {
        makeProgress().writeLine(
          api.url ? `Serving the tools of ${api.url}` : 'No server is running. Using the store in this process.',
        )
        await serveStdio({ input, output, signal: stop.signal, send: (init) => api.send('/mcp', init) })
      },
      { worker: true, threads },
    )
  },
}
