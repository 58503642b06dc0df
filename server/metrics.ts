import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Platform } from '../platform/platform.ts'
import { countTrainings } from '../platform/store/work-counts.ts'

export interface Metrics {
  observeRequest(labels: { route: string; method: string; status: number }, seconds: number): void
  countRows(classified: number): void
  /** Returns all metrics in the Prometheus text format. */
  render(): Promise<string>
  readonly contentType: string
}

/** The upper bounds of the histogram, from a cached response to the longest upload. */
const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

let processRegistry: Registry | undefined

/** Returns memory, CPU and event loop metrics, which are collected once per process, however many apps it has. */
function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}

export function makeMetrics({ engine, store }: Pick<Platform, 'engine' | 'store'>): Metrics {
  const registers = [new Registry()]
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

  const addGauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  addGauge('graft_queue_waiting_rows', 'Texts waiting to be classified.', () => engine.queue.waiting)
  addGauge('graft_queue_room_rows', 'Maximum number of texts that can wait.', () => engine.queue.capacity)
  addGauge('graft_adapters_loaded', 'Adapters in memory.', () => engine.listLoaded().length)
  addGauge('graft_adapters_loaded_bytes', 'Bytes of the adapters in memory.', () =>
    engine.listLoaded().reduce((sum, { bytes }) => sum + bytes, 0),
  )
  new Gauge({
    name: 'graft_trainings',
    help: 'Trainings by status.',
    labelNames: ['status'],
    registers,
    async collect() {
      for (const [status, count] of Object.entries(await countTrainings(store.db))) this.set({ status }, count)
    },
  })

  const all = Registry.merge([processMetrics(), ...registers])
  return {
    observeRequest: ({ route, method, status }, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    countRows: (classified) => rows.inc(classified),
    render: () => all.metrics(),
    contentType: all.contentType,
  }
}
