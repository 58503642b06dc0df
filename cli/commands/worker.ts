import { once } from 'node:events'
import { z } from 'zod'
import { toPlain } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { deviceKinds } from '../../platform/offline/devices.ts'
import { openBackend } from '../../platform/open-workplace.ts'
import { startWorker, workOnce } from '../../platform/worker/worker.ts'
import type { WorkerNews } from '../../platform/worker/worker-options.ts'
import type { Command } from '../command.ts'
import { print } from '../output.ts'
import { progressTo } from '../progress.ts'
import { required } from '../required.ts'

const flags = {
  once: z.boolean().default(false).describe('do one slice, evaluation or comparison, if one waits, and end'),
  slice_seconds: z.number().positive().default(600).describe('how long a training runs before another has its turn'),
  threads: z.int().positive().optional().describe('as each training asks for where absent'),
  device: z.enum(deviceKinds).optional().describe('in place of what each training asks for'),
  home: z.string().optional().describe('what is kept on this machine; GRAFT_HOME, or .graft, where absent'),
}

export const worker: Command = {
  summary: 'Train and evaluate what waits in the queue.',
  usage: 'worker [--once] [--slice-seconds N] [--threads N] [--device cpu|webgpu] [--home DIR]',
  about: `It takes work from the database (DATABASE_URL, or the embedded one, which no server may have open then) and keeps what it makes among the
artifacts (GRAFT_ARTIFACTS: a folder or s3://BUCKET/PREFIX). Any number may run, on any machines that reach both. SIGTERM and Ctrl-C save the
state of what it trains and give it back; nothing is lost if it is killed, either. Each beginning and end is a line of JSON on stderr.`,
  examples: [
    'DATABASE_URL=postgres://localhost/graft GRAFT_ARTIFACTS=s3://graft graft worker',
    'graft worker --once --slice-seconds 300',
  ],
  flags: { Worker: flags },
  async run({ json, ...values }) {
    const { once: alone, slice_seconds: sliceSeconds, home, ...rest } = required(flags, values)
    const progress = progressTo()
    const say = (line: object) => progress.say(JSON.stringify({ time: new Date().toISOString(), ...line }))
    const did: WorkerNews[] = []
    const tell = (news: WorkerNews) => {
      say(news)
      did.push(news)
    }
    const logger: Logger = { error: (error, context) => say({ ...context, error: toPlain(error) }) }
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

    const workplace = await openBackend({ home })
    try {
      const options = { ...workplace, ...rest, sliceSeconds, logger, tell }
      if (alone) {
        const worked = await workOnce(options, stop.signal)
        const last = did.at(-1)
        return print(json, { worked, ...last }, [last ? JSON.stringify(last) : 'nothing waits'])
      }
      const running = await startWorker({ ...options, tell: say })
      say({ ready: true })
      if (!stop.signal.aborted) await once(stop.signal, 'abort')
      await running.close()
    } finally {
      await workplace.close()
    }
  },
}
