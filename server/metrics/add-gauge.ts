import { Gauge, type Registry } from 'prom-client'

/** Adds a gauge whose value is read when the metrics are rendered. */
export function addGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value())
    },
  })
}
