// The process that measures an adapter. It gets one message, answers once, and ends with whoever asked.
import { toPlain } from '../../core/errors.ts'
import { type EvaluationRequest, evaluateCheckpoint } from '../use-cases/evaluate.ts'
import type { EvaluationAnswer } from './evaluate-in-child.ts'

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (request: EvaluationRequest) => void answer(request))

async function answer(request: EvaluationRequest): Promise<void> {
  const told: EvaluationAnswer = await evaluateCheckpoint(request, () => {}).then(
    (metrics) => ({ metrics }),
    (error) => ({ error: toPlain(error) }),
  )
  process.send?.(told, undefined, undefined, () => process.exit())
}
