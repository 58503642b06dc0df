import { setTimeout as sleep } from 'node:timers/promises'
import { context, DiagLogLevel, diag, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { MINUTE_MS } from '../../core/durations.ts'
import { fail } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import { samplerOf } from './sampler.ts'

/** Stops tracing, after what waits has been sent. */
export type StopTracing = () => Promise<void>

type Environment = Readonly<Record<string, string | undefined>>

/** A collector that does not answer must not delay the end of the process. */
const CLOSE_TIMEOUT_MS = 2_000

/** Starts to send the spans of this process to the collector that the environment names. */
export async function openTracing(logger: Logger, version: string, env: Environment): Promise<StopTracing> {
  if (env.OTEL_TRACES_EXPORTER && env.OTEL_TRACES_EXPORTER !== 'otlp')
    throwUnsupported('OTEL_TRACES_EXPORTER', 'otlp or none', env.OTEL_TRACES_EXPORTER)
  logDiagnostics(logger)
  const exporter = await openExporter(env)
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'graft', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(env),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: numberOf(env, 'OTEL_BSP_SCHEDULE_DELAY'),
        exportTimeoutMillis: numberOf(env, 'OTEL_BSP_EXPORT_TIMEOUT'),
        maxQueueSize: numberOf(env, 'OTEL_BSP_MAX_QUEUE_SIZE'),
        maxExportBatchSize: numberOf(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
      }),
    ],
  })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  return async () => {
    await Promise.race([provider.shutdown().catch(() => {}), sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })])
    for (const api of [trace, propagation, context, diag]) api.disable()
  }
}

/** Opens an exporter. It reads the variables of the endpoint, the headers, the compression and the timeout itself. */
async function openExporter(env: Environment): Promise<SpanExporter> {
  const name = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL
    ? 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'
    : 'OTEL_EXPORTER_OTLP_PROTOCOL'
  const protocol = env[name] || 'http/protobuf'
  if (protocol === 'http/protobuf')
    return new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter()
  if (protocol === 'http/json') return new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter()
  return throwUnsupported(name, 'http/protobuf or http/json', protocol)
}

/** Logs the problems of the SDK, at most one a minute: a collector that is down fails every few seconds. */
function logDiagnostics(logger: Logger): void {
  let next = 0
  const report = (message: string, ...details: unknown[]) => {
    if (performance.now() < next) return
    next = performance.now() + MINUTE_MS
    logger.error(new Error([message, ...details].map(String).join(' ')), { task: 'traces' })
  }
  const ignore = () => {}
  diag.setLogger({ error: report, warn: report, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN)
}

function numberOf(env: Environment, name: string): number | undefined {
  const text = env[name]
  if (!text) return undefined
  return /^\d+$/.test(text) ? Number(text) : throwUnsupported(name, 'a whole number', text)
}

function throwUnsupported(name: string, expected: string, found: string): never {
  return fail('usage', { subject: name, expected, found, fix: 'Change the variable, or leave it out for the default.' })
}
