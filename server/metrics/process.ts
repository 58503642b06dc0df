import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/** Returns memory, CPU and event loop metrics, which are collected once per process, however many apps it has. */
export function processMetrics(): Registry {
  if (!registry) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
