import { z } from 'zod'
import { type Adapter, fileNames } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import type { StoredTensor } from '../checkpoint/safetensors.ts'
import { fail } from '../core/errors.ts'
import { sharedFloats } from '../core/shared-memory.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import type { Values } from '../graph/runtime/session.ts'
import type { Parameter } from '../model/method.ts'
import { type MethodConfig, methodNamed } from '../model/methods/registry.ts'
import { type ProbeBatch, probeBatches, trajectoryBatches } from './probe-inputs.ts'
import { learningRateAt } from './schedule.ts'
import { type Flat, flat } from './step/flat.ts'
import { gradientName, gradientProgram } from './step/gradient-program.ts'
import { openStepper } from './step/open-stepper.ts'

const trajectory = z.strictObject({
  lr: z.number().positive(),
  betas: z.tuple([z.number(), z.number()]).default([0.9, 0.999]),
  eps: z.number().positive().default(1e-8),
  weight_decay: z.number().min(0).default(0),
  warmup_steps: z.int().min(0).default(0),
  total_steps: z.int().positive(),
  max_grad_norm: z.number().positive().default(Number.MAX_VALUE),
})

/** A model to probe: what is trained, its values, and the names that its file has for them. */
interface Subject {
  base: Base
  method: MethodConfig
  parameters: readonly Parameter[]
  theta: Flat
  fileName: (parameter: string) => string
}

/** Numbers by name, to compare with another implementation. */
export type Probed = Map<string, StoredTensor>

/**
 * For each batch of `inputs`, `<batch>.logits` [B, T, V] and `<batch>.loss`; for the first also `grad.<tensor>` of every trained tensor.
 * @param adapter the base alone, all of it trained, where absent
 * @param inputs JSON whose top-level objects are batches; `subject` names it in errors
 */
export async function probe(
  base: Base,
  adapter: Adapter | undefined,
  inputs: unknown,
  subject: string,
  device: DeviceKind = 'cpu',
): Promise<Probed> {
  const batches = probeBatches(inputs, base.t5, subject)
  return withPool(device, (pool) => measured(subjectOf(base, adapter), batches, pool))
}

/** The trained tensors after steps of AdamW on the `trajectory_steps` of `inputs`. */
export async function probeTrajectory(
  base: Base,
  adapter: Adapter | undefined,
  inputs: unknown,
  options: unknown,
  subject: string,
  device: DeviceKind = 'cpu',
): Promise<Probed> {
  const batches = trajectoryBatches(inputs, base.t5, subject)
  return withPool(device, (pool) => trained(subjectOf(base, adapter), batches, options, pool))
}

async function withPool<T>(device: DeviceKind, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openRuntime(device)
  try {
    return await work(pool)
  } finally {
    await pool.close()
  }
}

function subjectOf(base: Base, adapter: Adapter | undefined): Subject {
  const method: MethodConfig = adapter?.method ?? { method: 'full' }
  const parameters = methodNamed(method.method).parameters(method, base.t5)
  const theta = flat(parameters)
  for (const { name } of parameters) theta.views[name].set((adapter?.values ?? base.tensors).get(name) as Float32Array)
  const names = adapter && fileNames(adapter, base)
  return { base, method, parameters, theta, fileName: (name) => names?.get(name) ?? name }
}

const boundTo = ({ base, theta }: Subject): Values => ({ ...Object.fromEntries(base.tensors), ...theta.views })

async function measured(
  subject: Subject,
  batches: readonly ProbeBatch[],
  pool: Pool,
): Promise<Map<string, StoredTensor>> {
  const { base, method, parameters, fileName } = subject
  const tensors = new Map<string, StoredTensor>()
  for (const [i, { name, rows, target, feeds, symbols }] of batches.entries()) {
    const program = await pool.load(
      gradientProgram(base.t5, method, { target }, { showScores: true }),
      boundTo(subject),
    )
    const results = await program.run(feeds, symbols)
    await program.unload()
    tensors.set(`${name}.logits`, { shape: [rows, target, base.t5.vocabSize], data: results.scores as Float32Array })
    tensors.set(`${name}.loss`, { shape: [], data: results.loss as Float32Array })
    if (i > 0) continue
    for (const p of parameters)
      tensors.set(gradientName(fileName(p.name)), {
        shape: p.shape,
        data: results[gradientName(p.name)] as Float32Array,
      })
  }
  return tensors
}

async function trained(
  subject: Subject,
  batches: readonly ProbeBatch[],
  json: unknown,
  pool: Pool,
): Promise<Map<string, StoredTensor>> {
  const { base, method, parameters, theta, fileName } = subject
  const options = parseOptions(json)
  const [beta1, beta2] = options.betas
  const stepper = await openStepper(pool, {
    gradient: gradientProgram(base.t5, method, { target: batches[0].target }),
    parameters,
    moments: { theta: theta.vector, m: sharedFloats(theta.vector.length), v: sharedFloats(theta.vector.length) },
    values: theta.views,
    bound: Object.fromEntries(base.tensors),
    optimizer: {
      beta1,
      beta2,
      epsilon: options.eps,
      weightDecay: options.weight_decay,
      maxGradNorm: options.max_grad_norm,
    },
  })
  for (const [i, batch] of batches.entries()) {
    const rate = options.lr * learningRateAt(i, { warmup: options.warmup_steps, total: options.total_steps })
    await stepper.step([batch], i + 1, rate)
  }
  await stepper.fetch()
  return new Map(parameters.map(({ name, shape }) => [fileName(name), { shape, data: theta.views[name] }]))
}

function parseOptions(json: unknown): z.infer<typeof trajectory> {
  const parsed = trajectory.safeParse(json)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  return fail('data_format', {
    subject: `the hyperparameters, ${path.join('.') || 'all'}`,
    expected: `{${Object.keys(trajectory.shape).join(', ')}}`,
    found: message,
    fix: 'Fix the file.',
  })
}
