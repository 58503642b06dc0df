import { z } from 'zod'
import { type Adapter, tensorNamesOf } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import { describeIssue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import type { Pool } from '../graph/runtime/pool.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import type { Values } from '../graph/runtime/session.ts'
import type { Model, Objective } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import type { Parameter } from '../model/method.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import type { TensorData } from '../model/tensor-shapes.ts'
import { type ProbeBatch, parseProbeBatches, parseTrajectoryBatches, requireGeneration } from './probe-inputs.ts'
import { learningRateAt } from './schedule.ts'
import { gradientName, gradientProgram } from './step/gradient-program.ts'
import { openStepper } from './step/open-stepper.ts'
import { allocateMoments } from './step/optimizer.ts'
import { allocatePacked, type PackedTensors } from './step/packed-tensors.ts'

const trajectorySchema = z.strictObject({
  lr: z.number().positive(),
  betas: z.tuple([z.number(), z.number()]).default([0.9, 0.999]),
  eps: z.number().positive().default(1e-8),
  weight_decay: z.number().min(0).default(0),
  warmup_steps: z.int().min(0).default(0),
  total_steps: z.int().positive(),
  max_grad_norm: z.number().positive().default(Number.MAX_VALUE),
})

/** A model to probe: its trained tensors, their values, and their names in its file. */
interface ProbedModel {
  base: Base
  method: MethodConfig
  parameters: readonly Parameter[]
  theta: PackedTensors
  /** Returns the name of a trained tensor in the file. */
  fileName: (parameter: string) => string
}

/** Tensors by name, to compare with another implementation. */
export type ProbeResults = Map<string, TensorData>

/**
 * Computes `<batch>.logits` [B, T, V] and `<batch>.loss` for each batch of `inputs`; for the first one also
 * `grad.<tensor>` of every trained tensor.
 * @param adapter if not set, the base itself is probed, with all of its tensors trained
 * @param inputs JSON whose top-level objects are batches
 * @param subject names `inputs` in errors
 */
export async function probe(
  base: Base,
  adapter: Adapter | undefined,
  inputs: unknown,
  subject: string,
  device: DeviceKind = 'cpu',
): Promise<ProbeResults> {
  const batches = parseProbeBatches(inputs, modelOf(base), subject)
  return withPool(device, (pool) => probeGradients(makeProbedModel(base, adapter), batches, pool))
}

/** Returns the trained tensors after steps of AdamW on the `trajectory_steps` of `inputs`. */
export async function probeTrajectory(
  base: Base,
  adapter: Adapter | undefined,
  inputs: unknown,
  options: unknown,
  subject: string,
  device: DeviceKind = 'cpu',
): Promise<ProbeResults> {
  const batches = parseTrajectoryBatches(inputs, modelOf(base), subject)
  return withPool(device, (pool) => trainOnTrajectory(makeProbedModel(base, adapter), batches, options, pool))
}

async function withPool<T>(device: DeviceKind, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openRuntime(device)
  try {
    return await work(pool)
  } finally {
    await pool.close()
  }
}

function makeProbedModel(base: Base, adapter: Adapter | undefined): ProbedModel {
  const method: MethodConfig = adapter?.method ?? { method: 'full' }
  const parameters = parametersOf(method, modelOf(base))
  const theta = allocatePacked(parameters)
  for (const { name } of parameters) theta.views[name].set((adapter?.values ?? base.tensors).get(name) as Float32Array)
  const names = adapter && tensorNamesOf(adapter, base)
  return { base, method, parameters, theta, fileName: (name) => names?.get(name) ?? name }
}

const boundTensors = ({ base, theta }: ProbedModel): Values => ({ ...Object.fromEntries(base.tensors), ...theta.views })

const teacherForcing = (model: Model, positions: number): Pick<Objective, 'positions' | 'logits'> => ({
  positions,
  logits: (context) => requireGeneration(model).logits(context, positions),
})

async function probeGradients(probed: ProbedModel, batches: readonly ProbeBatch[], pool: Pool): Promise<ProbeResults> {
  const { base, method, parameters, fileName } = probed
  const model = modelOf(base)
  const tensors: ProbeResults = new Map()
  for (const [i, { name, rows, positions, feeds, symbols }] of batches.entries()) {
    const program = await pool.load(
      gradientProgram(model, method, teacherForcing(model, positions), { withLogits: true }),
      boundTensors(probed),
    )
    const results = await program.run(feeds, symbols)
    await program.unload()
    tensors.set(`${name}.logits`, { shape: [rows, positions, model.vocabSize], data: results.logits as Float32Array })
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

async function trainOnTrajectory(
  { base, method, parameters, theta, fileName }: ProbedModel,
  batches: readonly ProbeBatch[],
  json: unknown,
  pool: Pool,
): Promise<ProbeResults> {
  const model = modelOf(base)
  const options = parseOptions(json)
  const [beta1, beta2] = options.betas
  const stepper = await openStepper(pool, {
    gradientProgram: gradientProgram(model, method, teacherForcing(model, batches[0].positions)),
    parameters,
    vectors: allocateMoments(theta.vector),
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
  await stepper.download()
  return new Map(parameters.map(({ name, shape }) => [fileName(name), { shape, data: theta.views[name] }]))
}

function parseOptions(json: unknown): z.infer<typeof trajectorySchema> {
  const parsed = trajectorySchema.safeParse(json, IN_OUR_WORDS)
  if (parsed.success) return parsed.data
  const { key, expected, found } = describeIssue(parsed.error, json)
  return fail('data_format', {
    subject: `the hyperparameters, ${key || 'all'}`,
    expected,
    found,
    fix: 'Correct the file.',
  })
}
