import { z } from 'zod'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { serveUntilStopped } from '../serving.ts'

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('folder of an adapter or a model, which is added to the store; may be given several times'),
  base: z.string().optional().describe('folder of the base; the embedded one where absent'),
  port: z.int().min(0).max(65535).default(8080).describe('0 picks a free one'),
  host: z
    .string()
    .default('127.0.0.1')
    .describe('any other than a loopback address needs an API key: graft key create'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
  device: deviceFlag,
  no_worker: z
    .boolean()
    .default(false)
    .describe('run no trainings here: graft worker does, on this or on other machines'),
}

export const serve: Command = {
  summary: 'Serve the platform over HTTP: predictions, trainings, adapters and the rest.',
  usage: 'serve [--port N] [--checkpoint DIR …] [--no-worker]',
  about: `The address is the only line on stdout, printed once the server answers; logs go to stderr. What it knows is in the store: .graft (GRAFT_HOME) with a
database of its own, or PostgreSQL (DATABASE_URL) with the artifacts in a folder or bucket (GRAFT_ARTIFACTS). Adapters of any methods share batches.
Ctrl-C finishes what is being answered and saves the state of what is being trained.`,
  examples: [
    'graft serve',
    'graft serve --checkpoint film-lora --checkpoint film-adapter',
    `curl localhost:8080/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy."], "adapter": "film-lora"}'`,
  ],
  flags: { Server: flags },
  repeated: ['checkpoint'],
  async run({ json: _, ...values }) {
    const { checkpoint: checkpoints, no_worker, ...options } = required(flags, values)
    progressTo().say('Loading …')
    await serveUntilStopped({ ...options, checkpoints, worker: !no_worker }, (url) => {
      process.stdout.write(`${url}\n`)
    })
  },
}
