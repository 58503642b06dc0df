import { once } from 'node:events'
import { z } from 'zod'
import { toPlain } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { openBackend } from '../../platform/open-backend.ts'
import { deviceKind } from '../../platform/schemas/devices.ts'
import { startWorker, workOnce } from '../../platform/worker/worker.ts'
import type { WorkerEvent } from '../../platform/worker/worker-options.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'

const flags = {
  once: z
    .boolean()
    .default(false)
    .describe('Run one slice of a training, one evaluation or one comparison, then exit.'),
  slice_seconds: z
    .number()
    .positive()
    .default(600)
    .describe('Seconds that a training runs before the next one gets its turn.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to the setting of each training.'),
  device: deviceKind.optional().describe('Device to train on. Defaults to the setting of each training.'),
  home: z.string().optional().describe('Folder for local files. Defaults to GRAFT_HOME, or .graft.'),
}

export const worker: Command = {
  summary: 'Run queued trainings, evaluations and comparisons',
  usage: 'worker [--once] [--slice-seconds N] [--threads N] [--device DEVICE] [--home DIR]',
  about: `Takes work from the database (DATABASE_URL, or the embedded one if no server has it open) and writes
results to the artifacts (GRAFT_ARTIFACTS: a folder or s3://BUCKET/PREFIX). Any number of workers can
run, on any machines that reach both. SIGTERM and Ctrl-C save the state of a training and return it to
the queue. A worker that is killed loses no saved state. Each start and end of work is
logged as a line of JSON on stderr.`,
  examples: [
    'DATABASE_URL=postgres://localhost/graft GRAFT_ARTIFACTS=s3://graft graft worker',
    'graft worker --once --slice-seconds 300',
  ],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const { once: runsOnce, slice_seconds: sliceSeconds, home, ...rest } = checkFlags(flags, values)
    const progress = makeProgress()
    const log = (line: object) => progress.writeLine(JSON.stringify({ time: new Date().toISOString(), ...line }))
    const events: WorkerEvent[] = []
    const onEvent = (event: WorkerEvent) => {
      log(event)
      events.push(event)
    }
    const logger: Logger = { error: (error, context) => log({ ...context, error: toPlain(error) }) }
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

    const backend = await openBackend({ home })
    try {
      const options = { ...backend, ...rest, sliceSeconds, logger, onEvent }
      if (runsOnce) {
        const worked = await workOnce(options, stop.signal)
        const last = events.at(-1)
        return printResult(json, { worked, ...last }, [last ? JSON.stringify(last) : 'No work is waiting.'])
      }
      const running = await startWorker({ ...options, onEvent: log })
      log({ ready: true })
      if (!stop.signal.aborted) await once(stop.signal, 'abort')
      await running.close()
    } finally {
      await backend.close()
    }
  },
}
