import type { MethodConfig } from '../../model/methods/registry.ts'
import type { Mixture, QueueEntry, ReadyAdapter } from '../../serving/queue-entry.ts'

/** The explainer of a mixture that explains nothing. */
export const noExplainer: Mixture['explainer'] = () => Promise.reject(new Error('this test explains nothing'))

/** Returns a loaded adapter with two labels. */
export const readyAdapter = (mixture: Mixture, method: MethodConfig, values: Float32Array): ReadyAdapter => ({
  description: {
    method: method.method,
    base: 'graft-base',
    trainable: values.length,
    total: values.length,
    digest: '0'.repeat(64),
    bytes: values.byteLength,
    layout: 'peft',
    labels: ['negative', 'positive'],
    temperature: 1,
  },
  method,
  words: [3, 4],
  truncation: { maxTokens: 512, side: 'left' },
  values,
  mixture,
  hold: () => () => {},
})

/** Computes the points of an explanation, each by itself. */
export const computePoints = (points: readonly QueueEntry[]): Promise<Float32Array>[] =>
  points.map(async (entry) => {
    if (!entry.point) throw new Error('expected a point of an explanation')
    const [result] = await entry.point.explainer.computePoints([entry])
    return result
  })

/** Returns a tokenized row that waits for this adapter. */
export const entryOf = (adapter: ReadyAdapter, ids: Int32Array, client = 'somebody'): QueueEntry => ({
  row: { text: 'a text', adapter: 'a' },
  adapter,
  client,
  ids,
  tokens: ids.length,
  truncated: false,
  unknownShare: 0,
  times: { received: 0, tokenized: 0, started: 0 },
})
