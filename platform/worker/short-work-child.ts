// The process that evaluates or compares adapters. It receives one message, sends one answer, and exits; it also exits
// with its parent.
import { toPlain } from '../../core/to-plain.ts'
import { compareCheckpoints } from '../offline/compare.ts'
import { evaluateCheckpoint } from '../offline/evaluate.ts'
import type { ShortWorkAnswer, ShortWorkMessage } from './short-work-process.ts'

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (message: ShortWorkMessage) => void handle(message))

async function handle(message: ShortWorkMessage): Promise<void> {
  const answer: ShortWorkAnswer = await run(message).then(
    (found) => ({ found }),
    (error) => ({ error: toPlain(error) }),
  )
  process.send?.(answer, undefined, undefined, () => process.exit())
}

async function run(message: ShortWorkMessage) {
  if (message.kind === 'evaluation') return { metrics: await evaluateCheckpoint(message.request, () => {}) }
  return { result: await compareCheckpoints(message.request, () => {}) }
}
