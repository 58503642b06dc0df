import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Platform } from '../../platform/platform.ts'
import { engineMetrics } from './engine.ts'
import { processMetrics } from './process.ts'
import { storeMetrics } from './store.ts'

export interface Metrics {
  observeRequest(labels: { route: string; method: string; status: number }, seconds: number): void
  countRows(classified: number): void
  /** Returns all metrics in the Prometheus text format. */
  render(): Promise<string>
  readonly contentType: string
}

export interface MetricsOptions extends Pick<Platform, 'store'> {
  version: string
  /** The engine of a process that answers predictions. */
  engine?: Platform['engine']
  /** The metrics of the worker in this process. */
  worker?: Registry
}

/** The upper bounds of the histogram, from a cached response to the longest upload. */
const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Makes the metrics of a process. Their names follow the conventions of Prometheus: base units, counters in _total. */
export function makeMetrics({ version, store, engine, worker }: MetricsOptions): Metrics {
  const own = new Registry()
  const registers = [own]
  const requests = new Histogram({
    name: 'graft_http_request_duration_seconds',
    help: 'Time to the complete response, or to its first byte if it is streamed.',
    labelNames: ['route', 'method', 'status'],
    buckets: BUCKETS_SECONDS,
    registers,
  })
  const rows = new Counter({
    name: 'graft_classified_rows_total',
    help: 'Texts classified, including those that failed.',
    registers,
  })
  new Gauge({ name: 'graft_build_info', help: 'The version, as a label.', labelNames: ['version'], registers }).set(
    { version },
    1,
  )
  const all = Registry.merge([
    processMetrics(),
    own,
    storeMetrics(store),
    ...(engine ? [engineMetrics(engine)] : []),
    ...(worker ? [worker] : []),
  ])
  return {
    observeRequest: ({ route, method, status }, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    countRows: (classified) => rows.inc(classified),
    render: () => all.metrics(),
    contentType: all.contentType,
  }
}
