/** The metrics of an adapter on test data, as the API stores them. */
export interface Metrics {
  n?: number
  accuracy: number
  interval?: readonly [number, number]
  f1?: number
  ece?: number
  log_loss?: number
  labels?: readonly string[]
  /** The reviews of each label (row) by predicted label (column). */
  confusion?: readonly (readonly number[])[]
  classes?: readonly { label: string; n: number; precision: number; recall: number; f1: number }[]
  slices?: readonly { name: string; n: number; accuracy: number; interval: readonly [number, number] }[]
}

/** Returns metrics if there are any: an uploaded adapter may have none. */
export function readMetrics(metrics: unknown): Metrics | undefined {
  const known = metrics as Partial<Metrics> | undefined
  return typeof known?.accuracy === 'number' ? (known as Metrics) : undefined
}
