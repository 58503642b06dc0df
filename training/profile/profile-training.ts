import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fail } from '../../core/errors.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { type TracedPool, tracedPool } from '../../graph/runtime/traced-pool.ts'
import { type Prepared, prepare } from '../data/prepare.ts'
import { trainingSteps } from '../data/steps.ts'
import type { TrainingEvent } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'
import { onDevice } from '../step/on-device.ts'
import { openTrainer } from '../step/trainer.ts'
import { layersOf } from './places.ts'
import { summarize } from './profile.ts'
import { speedscope } from './speedscope.ts'
import { type Span, workOf } from './work.ts'

type Listen = (event: TrainingEvent) => void

/** Steps that are measured, after one that is not. */
const MEASURED = 3

/** The flame graph's file, beside the output folder. */
export const profileFileOf = (out: string): string => `${resolve(out)}.speedscope.json`

/**
 * Takes the first steps of a training with ONNX Runtime's tracing on and tells where their time went; writes the flame graph alone.
 * @throws GraftError `output_exists` for the flame graph's file, and what a training can have wrong
 */
export async function profileTraining(asked: TrainingSpec, listen: Listen): Promise<void> {
  const file = profileFileOf(asked.out)
  if (existsSync(file)) occupied(file)
  const spec = await onDevice(asked, listen)
  const threads = spec.device === 'cpu' ? (spec.threads ?? availableParallelism()) : 1
  const folder = await mkdtemp(join(tmpdir(), 'graft-profile-'))
  const pool = tracedPool(
    Array.from({ length: threads }, () => openRuntime(spec.device, 1)),
    folder,
  )
  try {
    const prepared = await prepare(spec, threads, listen)
    listen({ type: 'stage', message: `Measuring ${MEASURED} steps` })
    const { steps, reviews } = await takeSteps(prepared, pool)
    const calls = (await pool.calls()).filter(({ begun }) => begun >= steps[0].begun)
    const work = workOf(calls)
    const layers = layersOf(prepared.base.t5)
    const profile = summarize({ file, device: spec.device, threads, steps, reviews, calls, work, layers })
    const graph = JSON.stringify(speedscope(`graft train, ${spec.method.method}`, steps, work))
    await writeGraph(file, graph)
    listen({ type: 'profile', profile })
  } finally {
    await pool.close().finally(() => rm(folder, { recursive: true, force: true }))
  }
}

async function takeSteps(prepared: Prepared, pool: TracedPool): Promise<{ steps: Span[]; reviews: number }> {
  const trainer = await openTrainer(prepared, pool)
  const steps: Span[] = []
  let reviews = 0
  let index = 0
  // A short training goes on: what it computes is not kept.
  for (const rows of trainingSteps(prepared.lengths, { ...prepared.spec, steps: MEASURED + 1 })) {
    const begun = performance.now()
    await trainer.step(rows, index)
    await trainer.stepper.losses()
    if (index++ === 0) continue
    steps.push({ begun, ended: performance.now() })
    reviews += rows.flat().length
  }
  return { steps, reviews }
}

/** Whole or not at all; what was put there meanwhile stays. */
async function writeGraph(file: string, graph: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  try {
    await writeFile(file, graph, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') occupied(file)
    await rm(file, { force: true })
    throw error
  }
}

function occupied(file: string): never {
  return fail('output_exists', {
    subject: file,
    expected: 'no such file: the flame graph is written there',
    found: 'one',
    fix: 'Name another --out, or remove the file.',
  })
}
