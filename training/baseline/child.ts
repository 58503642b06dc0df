// The process that measures the baseline. It receives one request, sends one answer, and exits; it also exits with its
// parent.
import type { PlainError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { readExamples, requireClasses } from '../data/examples.ts'
import type { Reading } from '../data/reading.ts'
import { type BaselineResult, measureBaseline } from './baseline.ts'

/** The files of reviews to train and to measure on. */
export interface BaselineRequest {
  data: string
  test: string
  /** How both files are read. Defaults to the usual columns. */
  reading?: Reading
}

export type BaselineAnswer = { result: BaselineResult; seconds: number } | { error: PlainError }

process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (request: BaselineRequest) => void handle(request))

async function handle(request: BaselineRequest): Promise<void> {
  const answer: BaselineAnswer = await measure(request).catch((error) => ({ error: toPlain(error) }))
  process.send?.(answer, undefined, undefined, () => process.exit())
}

async function measure({ data, test, reading }: BaselineRequest): Promise<BaselineAnswer> {
  const { examples, ...counts } = await readExamples(data, reading)
  requireClasses(counts, data)
  const { examples: testExamples } = await readExamples(test, { ...reading, labels: [...counts.labels.keys()] })
  const start = performance.now()
  const result = measureBaseline(examples, testExamples)
  return { result, seconds: (performance.now() - start) / 1000 }
}
