// The process that measures or compares adapters. It gets one message, answers once, and ends with whoever asked.
import { toPlain } from '../../core/errors.ts'
import { compareCheckpoints } from '../offline/compare.ts'
import { evaluateCheckpoint } from '../offline/evaluate.ts'
import type { Asked, Said } from './short-work-in-child.ts'

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (asked: Asked) => void answer(asked))

async function answer(asked: Asked): Promise<void> {
  const said: Said = await work(asked).then(
    (found) => ({ found }),
    (error) => ({ error: toPlain(error) }),
  )
  process.send?.(said, undefined, undefined, () => process.exit())
}

async function work(asked: Asked) {
  if (asked.kind === 'evaluation') return { metrics: await evaluateCheckpoint(asked.request, () => {}) }
  return { result: await compareCheckpoints(asked.request, () => {}) }
}
