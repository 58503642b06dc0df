import { totalmem } from 'node:os'
import { fail } from '../../core/errors.ts'
import { peakBytes } from '../../graph/memory.ts'
import type { Program } from '../../graph/program.ts'
import { type NamedShape, totalSize } from '../../model/tensor-shapes.ts'
import type { Step } from '../data/steps.ts'
import { gradientName } from './gradient-program.ts'
import { splitScatters } from './scattered-gradients.ts'

const FLOAT_BYTES = 4

/** The memory of a training process without weights and batches: Node, Graft, ONNX Runtime and a tokenizer. */
const PROCESS_BYTES = 160 * 2 ** 20
/**
 * The memory that ONNX Runtime takes for the intermediate values of a program, as a multiple of their bytes: its arena
 * has gaps, and kernels need working memory. The estimate is then within 20 % of what trainings on the embedded base
 * take (test/training/memory.test.ts).
 */
const ARENA_FACTOR = 1.35

interface TrainingMemory {
  gradientProgram: Program
  weights: readonly ArrayBufferView[]
  trained: readonly NamedShape[]
  threads: number
  /** The sum of the columns of all dropout masks; 0 without dropout. */
  columns: number
  /** Steps that are typical of the training. */
  steps: Iterable<Step>
  /** The tokens of each row. */
  lengths: Int32Array
}

/** An estimate of the bytes that a training on the CPU needs, and the micro-batch that needs the most of them. */
export interface MemoryEstimate {
  bytes: number
  rows: number
  source: number
  /** The threads that run such a micro-batch at the same time. */
  threads: number
}

/**
 * Estimates the memory of a training from its sizes: the weights, the trained tensors with their moments and their
 * gradient, and for each thread the gradient of a micro-batch, the copy of it that onnxruntime-node returns, and the
 * intermediate values of the largest micro-batch.
 */
export function estimateMemory(training: TrainingMemory): MemoryEstimate {
  const { weights: views, trained, threads, columns, steps, lengths } = training
  const { program, scattered } = splitScatters(training.gradientProgram)
  const { batches, inStep } = largestMicroBatches(steps, lengths)
  const running = Math.min(threads, inStep)
  const [largest] = batches
    .map(({ rows, source }) => ({ rows, source, peak: peakBytes(program, { batch: rows, source, columns }, false) }))
    .sort((a, b) => b.peak - a.peak)
  const weights = views.reduce((bytes, { byteLength }) => bytes + byteLength, 0)
  const whole = trained.filter(({ name }) => !scattered.has(gradientName(name)))
  // θ, m, v and the gradient of the step; the gradient of a micro-batch and its copy.
  const vectors = FLOAT_BYTES * (4 * totalSize(trained) + 2 * running * totalSize(whole))
  const { rows, source, peak } = largest ?? { rows: 0, source: 0, peak: 0 }
  const bytes = PROCESS_BYTES + weights + vectors + running * ARENA_FACTOR * peak
  return { bytes, rows, source, threads: running }
}

/**
 * Returns the micro-batch with the most tokens and the one with the most attention scores, of which one needs the most
 * memory, and the largest number of micro-batches in a step.
 */
function largestMicroBatches(steps: Iterable<Step>, lengths: Int32Array) {
  const none = { rows: 0, source: 0 }
  let [mostTokens, mostScores, inStep] = [none, none, 0]
  for (const step of steps) {
    inStep = Math.max(inStep, step.length)
    for (const micro of step) {
      const batch = { rows: micro.length, source: micro.reduce((longest, row) => Math.max(longest, lengths[row]), 0) }
      if (batch.rows * batch.source > mostTokens.rows * mostTokens.source) mostTokens = batch
      if (batch.rows * batch.source ** 2 > mostScores.rows * mostScores.source ** 2) mostScores = batch
    }
  }
  return { batches: inStep === 0 ? [] : [mostTokens, mostScores], inStep }
}

/** Returns the memory of this machine, or of the control group that the process is in if that is less. */
function memoryOfMachine(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/**
 * Requires that the machine has the memory that a training needs. Otherwise the operating system would end the training
 * in its first step, or another process.
 * @throws GraftError `training_too_large`
 */
export function requireMemory({ bytes, rows, source, threads }: MemoryEstimate): void {
  const available = memoryOfMachine()
  if (bytes <= available) return
  fail('training_too_large', {
    subject: 'the memory of the training',
    expected: `at most ${formatGb(available)} GB, which is what this machine has`,
    found: `about ${formatGb(bytes)} GB for micro-batches of ${rows} reviews with ${source} tokens, ${threads} at a time`,
    fix: 'Set a smaller micro_tokens or max_tokens, use fewer threads or a method that trains fewer parameters, or train on a machine with more memory.',
  })
}

const formatGb = (bytes: number): string => (bytes / 1e9).toFixed(1)
