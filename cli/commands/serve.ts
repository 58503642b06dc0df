import { z } from 'zod'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { makeProgress } from '../progress.ts'
import { serveUntilStopped } from '../serve-until-stopped.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('Folder of an adapter or a model to add to the store. Can be repeated.'),
  base: z.string().optional().describe('Folder of the base. Defaults to the embedded base.'),
  port: z.int().min(0).max(65535).default(8080).describe('Port to listen on. 0 picks a free one.'),
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Address to listen on. Addresses other than loopback require an API key (graft key create).'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
  no_worker: z
    .boolean()
    .default(false)
    .describe('Do not run trainings in this process. Run them with graft worker, on any machine.'),
}

export const serve: Command = {
  summary: 'Start the HTTP server for predictions, trainings and adapters',
  usage: 'serve [--port N] [--checkpoint DIR ...] [--no-worker]',
  about: `Prints its address to stdout once it accepts requests. Logs go to stderr. All data is in the store:
either .graft (GRAFT_HOME), which has its own database, or PostgreSQL (DATABASE_URL) with a folder or
bucket of artifacts (GRAFT_ARTIFACTS). Reviews for different adapters share batches, whatever their
methods. Ctrl-C finishes open requests and saves the state of a running training.`,
  examples: [
    'graft serve',
    'graft serve --checkpoint film-lora --checkpoint film-adapter',
    `curl localhost:8080/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy."], "adapter": "film-lora"}'`,
  ],
  flags: { Flags: flags },
  repeated: ['checkpoint'],
  async run({ json: _, ...values }) {
    const { checkpoint: checkpoints, no_worker, ...options } = checkFlags(flags, values)
    makeProgress().writeLine('Loading …')
    await serveUntilStopped({ ...options, checkpoints, worker: !no_worker }, (url) => {
      process.stdout.write(`${url}\n`)
    })
  },
}
