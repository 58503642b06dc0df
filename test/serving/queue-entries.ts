import type { MethodConfig } from '../../model/methods/registry.ts'
import type { Mixture, QueueEntry, ReadyAdapter } from '../../serving/queue-entry.ts'

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
