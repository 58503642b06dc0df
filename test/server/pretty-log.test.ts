import { expect, test } from 'vitest'
import { makeLog } from '../../server/log.ts'
import { makePrettyFormatter } from '../../server/pretty-log.ts'

/** Returns a line of the log as text, without its time. */
function format(level: 'info' | 'error', fields: object): string {
  const toText = makePrettyFormatter()
  const lines: string[] = []
  makeLog({ write: (line) => void lines.push(toText(line)) })[level](fields)
  return lines
    .join('')
    .replace(/^\[[\d:]+\]:? */, '')
    .trimEnd()
}

test.each([
  [
    { method: 'POST', route: '/v1/predictions', status: 200, duration_ms: 12, rows: 2, trace_id: 'a' },
    'POST /v1/predictions 200 in 12 ms, 2 texts',
  ],
  [
    { method: 'GET', route: 'none', status: 404, duration_ms: 1, error_code: 'not_found' },
    'GET (no route) 404 not_found in 1 ms',
  ],
  [{ training_id: 'trn_1', slice: 1, status: 'running' }, 'training trn_1: running'],
  [
    { training_id: 'trn_1', slice: 2, status: 'queued', step: 30, total_steps: 44 },
    'training trn_1: queued at step 30 of 44',
  ],
  [{ ready: true }, 'ready'],
  [{ ready: true, metrics_url: 'http://127.0.0.1:9' }, 'ready; metrics at http://127.0.0.1:9'],
  [{ evaluation_id: 'evl_1', status: 'succeeded' }, 'evaluation evl_1: succeeded'],
  [{ comparison_id: 'cmp_1', status: 'failed' }, 'comparison cmp_1: failed'],
])('%j is one line for people', (fields, text) => {
  expect(format('info', fields)).toBe(text)
})

test('an error has its stack and says what failed', () => {
  const text = format('error', { task: 'webhooks', err: new Error('no route to host') })
  expect(text).toMatch(/^error in webhooks: Error: no route to host\n +at /)
})
