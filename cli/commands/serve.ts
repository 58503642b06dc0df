import { z } from 'zod'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { serveUntilStopped } from '../serving.ts'

const flags = {
  checkpoint: z.array(z.string()).describe('folder of an adapter or a model; may be given several times'),
  base: z.string().optional().describe('folder of the base; the embedded one where absent'),
  port: z.int().min(0).max(65535).default(8080).describe('0 picks a free one'),
  host: z.string().default('127.0.0.1').describe('a loopback address'),
  threads: z.int().positive().optional().describe('one for each core where absent'),
  device: deviceFlag,
}

export const serve: Command = {
  summary: 'Answer predictions over HTTP.',
  usage: 'serve --checkpoint DIR [--checkpoint DIR …] [--port N]',
  about: `The address is the only line on stdout, printed once the server answers. Adapters of any methods share batches; the name of a folder is
the id of its adapter. Ctrl-C finishes what is being answered.`,
  examples: [
    'graft serve --checkpoint film-lora --checkpoint film-adapter',
    `curl localhost:8080/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy."], "adapter": "film-lora"}'`,
  ],
  flags: { Server: flags },
  repeated: ['checkpoint'],
  async run({ json: _, ...values }) {
    const { checkpoint: checkpoints, ...options } = required(flags, values)
    progressTo().say('Loading …')
    await serveUntilStopped({ ...options, checkpoints }, (url) => process.stdout.write(`${url}\n`))
  },
}
