import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fail } from '../../core/errors.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { openTracedPool, type TracedPool } from '../../graph/runtime/traced-pool.ts'
import { modelOf } from '../../model/architectures.ts'
import { type PreparedTraining, prepare } from '../data/prepare.ts'
import { trainingSteps } from '../data/steps.ts'
import type { TrainingListener } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'
import { resolveDevice } from '../step/resolve-device.ts'
import { openTrainer } from '../step/trainer.ts'
import { kernelRunsOf, type Span } from './kernels.ts'
import { layersOf } from './places.ts'
import { summarizeProfile } from './profile.ts'
import { toSpeedscope } from './speedscope.ts'

/** The number of steps to measure, after a first one that is not measured. */
const MEASURED_STEPS = 3

/** Returns the path of the flame graph, next to the output folder. */
export const profileFileOf = (out: string): string => `${resolve(out)}.speedscope.json`

/**
 * Runs the first steps of a training with the tracing of ONNX Runtime, and reports where their time goes. Writes only
 * the flame graph.
 * @throws GraftError `output_exists` if the file of the flame graph exists; also the errors of a training
 */
export async function profileTraining(requested: TrainingSpec, onEvent: TrainingListener): Promise<void> {
  const file = profileFileOf(requested.out)
  if (existsSync(file)) throwFileExists(file)
  const spec = await resolveDevice(requested, onEvent)
  const threads = spec.device === 'cpu' ? (spec.threads ?? availableParallelism()) : 1
  const folder = await mkdtemp(join(tmpdir(), 'graft-profile-'))
  const pool = openTracedPool(
    Array.from({ length: threads }, () => openRuntime(spec.device, 1)),
    folder,
  )
  try {
    const prepared = await prepare(spec, threads, onEvent)
    onEvent({ type: 'stage', message: `Measuring ${MEASURED_STEPS} steps` })
    const { steps, examples } = await measureSteps(prepared, pool)
    const calls = (await pool.collectCalls()).filter(({ start }) => start >= steps[0].start)
    const kernels = kernelRunsOf(calls)
    const layers = layersOf(modelOf(prepared.base))
    const profile = summarizeProfile({ file, device: spec.device, threads, steps, examples, calls, kernels, layers })
    const graph = JSON.stringify(toSpeedscope(`graft train, ${spec.method.method}`, steps, kernels))
    await writeFlameGraph(file, graph)
    onEvent({ type: 'profile', profile })
  } finally {
    await pool.close().finally(() => rm(folder, { recursive: true, force: true }))
  }
}

async function measureSteps(
  prepared: PreparedTraining,
  pool: TracedPool,
): Promise<{ steps: Span[]; examples: number }> {
  const trainer = await openTrainer(prepared, pool)
  const steps: Span[] = []
  let examples = 0
  let index = 0
  // A training with fewer steps is extended. Its results are not kept.
  for (const rows of trainingSteps(prepared.lengths, { ...prepared.spec, steps: MEASURED_STEPS + 1 })) {
    const start = performance.now()
    await trainer.step(rows, index)
    await trainer.stepper.readLosses()
    if (index++ === 0) continue
    steps.push({ start, end: performance.now() })
    examples += rows.flat().length
  }
  return { steps, examples }
}

/** Writes the file completely or not at all. Does not replace a file that was created in the meantime. */
async function writeFlameGraph(file: string, graph: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  try {
    await writeFile(file, graph, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throwFileExists(file)
    await rm(file, { force: true })
    throw error
  }
}

function throwFileExists(file: string): never {
  return fail('output_exists', {
    subject: file,
    problem: 'exists already, but the flame graph would be written there',
    fix: 'Choose another --out, or remove the file.',
  })
}
