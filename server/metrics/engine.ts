import { Counter, Histogram, Registry } from 'prom-client'
import type { Platform } from '../../platform/platform.ts'
import { addGauge } from './add-gauge.ts'

/** The upper bounds of the time of a batch, from a short text on a small base to one that fills the memory. */
const INFERENCE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** Returns the metrics of an engine: its batches, its queue and the adapters in its memory. */
export function engineMetrics(engine: Platform['engine']): Registry {
  const registry = new Registry()
  const registers = [registry]
  const inference = new Histogram({
    name: 'graft_inference_duration_seconds',
    help: 'Time that a batch runs on its thread.',
    buckets: INFERENCE_SECONDS,
    registers,
  })
  const wait = new Histogram({
    name: 'graft_inference_wait_seconds',
    help: 'Time that a text waits for a thread after it was tokenized.',
    buckets: INFERENCE_SECONDS,
    registers,
  })
  const rows = new Histogram({
    name: 'graft_inference_batch_rows',
    help: 'Texts in a batch.',
    buckets: ROWS,
    registers,
  })
  const tokens = new Counter({
    name: 'graft_inference_tokens_total',
    help: 'Tokens classified, after truncation and without padding.',
    registers,
  })
  engine.onBatch((batch) => {
    inference.observe(batch.seconds)
    rows.observe(batch.waitSeconds.length)
    tokens.inc(batch.tokens)
    for (const seconds of batch.waitSeconds) wait.observe(seconds)
  })

  const add = (name: string, help: string, value: () => number) => addGauge(registry, name, help, value)
  add('graft_queue_waiting_rows', 'Texts waiting to be classified.', () => engine.queue.waiting)
  add('graft_queue_capacity_rows', 'Maximum number of texts that can wait.', () => engine.queue.capacity)
  add('graft_adapters_loaded', 'Adapters in memory.', () => engine.listLoaded().length)
  add('graft_adapters_loaded_bytes', 'Bytes of the adapters in memory.', () =>
    engine.listLoaded().reduce((sum, { bytes }) => sum + bytes, 0),
  )
  return registry
}
