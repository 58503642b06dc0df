import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { z } from 'zod'
import { describeProblem, fail } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { readVersion } from '../../core/version.ts'
import { startWatchdog } from '../../core/watchdog.ts'
import { makeLocalMcp } from '../../mcp/local.ts'
import { serveStdio } from '../../mcp/stdio.ts'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { allowPipelinesFlag, MEBIBYTE, pipelineMibFlag } from '../pipeline-flags.ts'
import { makeProgress } from '../progress.ts'
import { uploadFile } from '../store/datasets.ts'
import { type SharedApi, shareApi } from '../store/shared-api.ts'

const flags = {
  threads: z
    .int()
    .positive()
    .optional()
    .describe('Number of threads if no server is running. Defaults to one per core.'),
  allow_pipelines: allowPipelinesFlag,
  pipeline_mib: pipelineMibFlag,
}

export const mcp: Command = {
  summary: 'Serve the agent tools over stdin and stdout (Model Context Protocol)',
  usage: 'mcp [--threads N] [--allow-pipelines] [--pipeline-mib N]',
  about: `An MCP client starts this command itself. See docs/mcp.md for its configuration. Calls are forwarded to
the server at GRAFT_URL, with the key in GRAFT_API_KEY, or to the server of GRAFT_HOME. If no server is
running, the command opens the store and runs trainings itself until its stdin ends, then saves the
state of the running training. Others that are started on the same GRAFT_HOME meanwhile work through it,
and one of them takes over when it ends. An agent that speaks HTTP does not need this command: the
server has the tools at /mcp.`,
  examples: ['graft mcp', 'claude mcp add graft -- npx -y @graft-ml/graft mcp'],
  flags: { Flags: flags },
  async run({ json: _, ...values }) {
    const { threads, allow_pipelines: allowPipelines, pipeline_mib: pipelineMib } = checkFlags(flags, values)
    const { stdin: input, stdout: output } = process
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    const progress = makeProgress()
    const pipelineBytes = pipelineMib * MEBIBYTE
    const store = shareApi({
      threads,
      allowPipelines,
      pipelineBytes,
      onChange: (sentence) => progress.writeLine(sentence),
    })
    // Clients wait for the first answers only seconds, and creating a store can take longer.
    store.open().then(
      () => void startWatchdog(),
      (error) => progress.writeLine(describeProblem(toPlain(error))),
    )
    const local = makeLocalMcp(await readVersion(), (name, path) => uploadPath(store, name, path))
    await serveStdio({
      input,
      output,
      signal: stop.signal,
      send: (init, message) => (local.handles(message) ? local.send(init) : store.send('/mcp', init)),
    })
    await store.close()
  },
}

/** Uploads a file of this machine. @throws GraftError `file_missing`, or what is wrong with its reviews */
async function uploadPath(store: SharedApi, name: string, path: string): Promise<Dataset> {
  await access(path, constants.R_OK).catch((error) =>
    fail('file_missing', {
      subject: path,
      problem: error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`,
      fix: 'Pass the absolute path of a file.',
    }),
  )
  return uploadFile(store, path, name)
}
