import { once } from 'node:events'
import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { readVersion } from '../../core/version.ts'
import { startWatchdog } from '../../core/watchdog.ts'
import { type Backend, openBackend } from '../../platform/open-backend.ts'
import { deviceKind } from '../../platform/schemas/devices.ts'
import { makeAccess } from '../../platform/use-cases/access.ts'
import { healthChecksOf } from '../../platform/use-cases/health-checks.ts'
import { workWithin } from '../../platform/worker/work-within.ts'
import { startWorker, workOnce } from '../../platform/worker/worker.ts'
import type { WorkerEvent } from '../../platform/worker/worker-options.ts'
import { listen, type RunningServer } from '../../server/listen.ts'
import { openProcessLog, type ProcessLog } from '../../server/log.ts'
import { makeWorkerMetrics, type WorkerMetrics } from '../../server/metrics/worker.ts'
import type { Work } from '../../server/routes/work.ts'
import { startTracing } from '../../server/tracing/start-tracing.ts'
import { makeWorkerApp } from '../../server/worker-app.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { printResult } from '../output.ts'
import { allowPipelinesFlag, MEBIBYTE, pipelineMibFlag } from '../pipeline-flags.ts'
import { makeProgress } from '../progress.ts'
import { defaultLogFormat, logFlag, openServerLog } from '../server-log.ts'

const flags = {
  once: z
    .boolean()
    .default(false)
    .describe('Run one slice of a training, one evaluation or one comparison, then exit.'),
  on_request: z
    .boolean()
    .default(false)
    .describe(
      'Work only when POST /v1/work on the port requests it: one slice for each request. Needs --metrics-port.',
    ),
  slice_seconds: z
    .number()
    .positive()
    .default(600)
    .describe('Seconds that a training runs before the next one gets its turn.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to the setting of each training.'),
  device: deviceKind.optional().describe('Device to train on. Defaults to the setting of each training.'),
  metrics_port: z
    .int()
    .min(0)
    .max(65535)
    .optional()
    .describe('Port of /metrics, /healthz, /readyz and /v1/work. 0 picks a free one. Defaults to none.'),
  metrics_host: z
    .string()
    .default('127.0.0.1')
    .describe('Address of that port. Addresses other than loopback require an API key (graft key create).'),
  allow_pipelines: allowPipelinesFlag,
  pipeline_mib: pipelineMibFlag,
  allow_private_webhooks: z
    .boolean()
    .default(false)
    .describe('Allow webhooks over http, and at addresses that are not public: on this machine and in its network.'),
  log: logFlag,
  home: z.string().optional().describe('Folder for local files. Defaults to GRAFT_HOME, or .graft.'),
}

export const worker: Command = {
  summary: 'Run queued trainings, evaluations and comparisons',
  usage:
    'worker [--once | --on-request] [--slice-seconds N] [--threads N] [--device DEVICE] [--metrics-port N] [--allow-pipelines] [--pipeline-mib N] [--allow-private-webhooks] [--log FORMAT] [--home DIR]',
  about: `Takes work from the database (DATABASE_URL, or the embedded one of GRAFT_HOME) and writes results to
the artifacts (GRAFT_ARTIFACTS: a folder or s3://BUCKET/PREFIX). Any number of workers can
run, on any machines that reach both. SIGTERM and Ctrl-C save the state of a training and return it to
the queue. A worker that is killed loses no saved state. Each start and end of work is logged on stderr.
With --metrics-port, the worker serves its metrics and its health; see docs/operating.md. With
--on-request, a platform starts the worker for a request and stops it afterwards; see docs/deploying.md.`,
  examples: [
    'DATABASE_URL=postgres://localhost/graft GRAFT_ARTIFACTS=s3://graft graft worker',
    'graft worker --once --slice-seconds 300',
    'graft worker --on-request --metrics-port 8080 --metrics-host 0.0.0.0',
  ],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const {
      once: runsOnce,
      on_request: onRequest,
      slice_seconds: sliceSeconds,
      metrics_port: metricsPort,
      metrics_host: metricsHost,
      allow_private_webhooks: allowPrivateWebhooks,
      allow_pipelines: allowPipelines,
      pipeline_mib: pipelineMib,
      log: format = defaultLogFormat(),
      home,
      ...rest
    } = checkFlags(flags, values)
    if (runsOnce && metricsPort !== undefined) throwMetricsOfOneSlice()
    if (onRequest && metricsPort === undefined) throwNoPort()
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

    const { log, logger, close: closeLog } = openProcessLog(openServerLog(format, makeProgress()))
    const closers: (() => Promise<void> | void)[] = [closeLog]
    try {
      const version = await readVersion()
      const stopTracing = await startTracing(logger, version)
      if (stopTracing) closers.push(stopTracing)
      const backend = await openBackend({
        home,
        allowPrivateWebhooks,
        allowPipelines,
        pipelineBytes: pipelineMib * MEBIBYTE,
        serverless: onRequest,
      })
      closers.push(() => backend.close())
      const workerMetrics = makeWorkerMetrics()
      const onEvent = (event: WorkerEvent) => {
        log.info(event)
        workerMetrics.listeners.onEvent(event)
      }
      const options = { ...backend, ...rest, ...workerMetrics.listeners, sliceSeconds, logger, onEvent }
      if (runsOnce) {
        const result = await workOnce(options, stop.signal)
        return printResult(json, result, [result.worked ? JSON.stringify(result) : 'No work is waiting.'])
      }
      closers.unshift(startWatchdog())
      let working: Promise<unknown> = Promise.resolve()
      const work: Work = (milliseconds, signal) => {
        const result = workWithin(options, milliseconds, AbortSignal.any([stop.signal, signal]))
        working = result.catch(() => {})
        return result
      }
      const metrics =
        metricsPort === undefined
          ? undefined
          : await serveMetrics(backend, {
              ...{ port: metricsPort, host: metricsHost, version, log, logger, workerMetrics },
              ...(onRequest && { work }),
            })
      if (metrics) closers.push(metrics.close)
      // The server does not wait for work whose client has left.
      closers.push(onRequest ? async () => void (await working) : (await startWorker(options)).close)
      log.info({ ready: true, metrics_url: metrics?.url })
      if (!stop.signal.aborted) await once(stop.signal, 'abort')
    } finally {
      for (const close of closers.reverse()) await close()
    }
  },
}

interface MetricsServerOptions extends Pick<ProcessLog, 'log' | 'logger'> {
  port: number
  host: string
  version: string
  workerMetrics: WorkerMetrics
  work?: Work
}

async function serveMetrics(
  { store, artifacts }: Backend,
  { port, host, ...options }: MetricsServerOptions,
): Promise<RunningServer> {
  const access = makeAccess(store)
  const healthChecks = healthChecksOf({ store, artifacts })
  const app = makeWorkerApp({ store, logger: options.logger }, { ...options, access, healthChecks })
  return listen(app, { port, host, access })
}

function throwMetricsOfOneSlice(): never {
  fail('usage', {
    subject: '--metrics-port',
    problem: 'cannot be combined with --once',
    fix: 'Leave it out. A process that runs one slice ends before anyone reads its metrics.',
  })
}

function throwNoPort(): never {
  fail('usage', {
    subject: '--on-request',
    problem: 'needs a port to receive the requests',
    fix: 'Add --metrics-port PORT.',
  })
}
