import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Platform } from '../platform/platform.ts'
import { countTrainings } from '../platform/store/training-counts.ts'

export interface Metrics {
  request(labels: { route: string; method: string; status: number }, seconds: number): void
  rows(classified: number): void
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** From a cached answer to the longest upload, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

let ofProcess: Registry | undefined

/** Memory, CPU, event loop lag: once a process, however many apps it has. */
function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}

export function makeMetrics({ engine, store }: Pick<Platform, 'engine' | 'store'>): Metrics {
  const registers = [new Registry()]
  const labelNames = ['route', 'method', 'status']
  const name = 'graft_http_request_duration_seconds'
  const help = 'Time to the answer, or to its first byte where it streams.'
  const requests = new Histogram({ name, help, labelNames, buckets: BUCKETS, registers })
  const rows = new Counter({ name: 'graft_classified_rows_total', help: 'Texts answered, errors included.', registers })

  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('graft_queue_waiting_rows', 'Texts that wait to be classified.', () => engine.queue.waiting)
  gauge('graft_queue_room_rows', 'Texts that may wait.', () => engine.queue.room)
  gauge('graft_adapters_loaded', 'Adapters in memory.', () => engine.loaded().length)
  gauge('graft_adapters_loaded_bytes', 'Bytes of the adapters in memory.', () =>
    engine.loaded().reduce((sum, { bytes }) => sum + bytes, 0),
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
    request: ({ route, method, status }, seconds) =>
      requests.observe({ route, method, status: String(status) }, seconds),
    rows: (classified) => rows.inc(classified),
    text: () => all.metrics(),
    contentType: all.contentType,
  }
}
