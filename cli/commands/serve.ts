import { z } from 'zod'
import { MAX_TOKENS, MIN_TOKENS } from '../../model/encode.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { allowPipelinesFlag, MEBIBYTE, pipelineMibFlag } from '../pipeline-flags.ts'
import { precisionFlag } from '../precision-flag.ts'
import { makeProgress } from '../progress.ts'
import { serveUntilStopped } from '../serve-until-stopped.ts'
import { logFlag } from '../server-log.ts'

const ORIGIN_EXPECTED = 'a scheme and a host, such as https://films.example, with a port if it is not the default one'

/** An origin as browsers send it. */
const origin = z
  .string()
  .transform((text) => text.replace(/\/$/, ''))
  .refine((text) => /^https?:/.test(text) && URL.parse(text)?.origin === text, ORIGIN_EXPECTED)

const flags = {
  checkpoint: z
    .array(z.string())
    .default([])
    .describe('Folder of an adapter or a model to add to the store. Can be repeated.'),
  base: z
    .array(z.string())
    .default([])
    .describe(`${baseFlag.description} Can be repeated: requests that name no base use the first one.`),
  port: z.int().min(0).max(65535).default(8080).describe('Port to listen on. 0 picks a free one.'),
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Address to listen on. Addresses other than loopback require an API key (graft key create).'),
  allow_origin: z
    .array(origin)
    .default([])
    .describe(
      'Origin whose web pages may use the server from a browser, such as https://films.example. Can be repeated. Without keys, these pages may do everything.',
    ),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  device: deviceFlag,
  precision: precisionFlag,
  max_tokens: z
    .int()
    .min(MIN_TOKENS)
    .max(MAX_TOKENS)
    .optional()
    .describe(
      'Largest number of tokens that an adapter may read at once, virtual tokens included. Memory grows with its square. Defaults to 2048.',
    ),
  allow_pipelines: allowPipelinesFlag,
  pipeline_mib: pipelineMibFlag,
  allow_private_webhooks: z
    .boolean()
    .default(false)
    .describe('Allow webhooks over http, and at addresses that are not public: on this machine and in its network.'),
  no_worker: z
    .boolean()
    .default(false)
    .describe('Do not run trainings in this process. Run them with graft worker, on any machine.'),
  log: logFlag,
}

export const serve: Command = {
  summary: 'Start the HTTP server for predictions, trainings and adapters',
  usage: 'serve [--port N] [--checkpoint DIR ...] [--precision P] [--no-worker] [--log FORMAT]',
  about: `Prints its address to stdout once it accepts requests. Logs go to stderr. All data is in the store:
either .graft (GRAFT_HOME), which has its own database, or PostgreSQL (DATABASE_URL) with a folder or
bucket of artifacts (GRAFT_ARTIFACTS). Reviews for different adapters share batches, whatever their
methods. Ctrl-C finishes open requests and saves the state of a running training.`,
  examples: [
    'graft serve',
    'graft serve --checkpoint film-lora --checkpoint film-adapter',
    'graft serve --base embedded --base google-t5/t5-small',
    `curl localhost:8080/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy."], "adapter": "film-lora"}'`,
  ],
  flags: { Flags: flags },
  repeated: ['checkpoint', 'base', 'allow_origin'],
  async run({ json: _, ...values }) {
    const {
      checkpoint: checkpoints,
      max_tokens: maxTokens,
      allow_origin: allowOrigins,
      no_worker,
      allow_private_webhooks: allowPrivateWebhooks,
      allow_pipelines: allowPipelines,
      pipeline_mib: pipelineMib,
      ...options
    } = checkFlags(flags, values)
    const progress = makeProgress()
    const base: string[] = []
    for (const name of options.base) base.push(await fetchBase(name, progress))
    progress.writeLine('Loading …')
    await serveUntilStopped(
      {
        ...options,
        base,
        progress,
        maxTokens,
        onPrecision: ({ base: name, precision, reason }) => progress.writeLine(`${name}: ${precision}. ${reason}`),
        checkpoints,
        allowOrigins,
        worker: !no_worker,
        allowPrivateWebhooks,
        allowPipelines,
        pipelineBytes: pipelineMib * MEBIBYTE,
      },
      (url) => {
        process.stdout.write(`${url}\n`)
      },
    )
  },
}
