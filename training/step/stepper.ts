import type { Program } from '../../graph/program.ts'
import type { Loaded } from '../../graph/runtime/pool.ts'
import type { Values } from '../../graph/runtime/session.ts'
import type { NamedShape } from '../../model/t5/tensors.ts'
import type { MicroBatch } from './gradient-sum.ts'
import type { AdamW, Moments } from './optimizer.ts'

/** Takes optimizer steps where a pool runs its programs. */
export interface Stepper {
  /** Steps after which it pays to ask for the losses: a device is not waited for at every one. */
  readonly lossesEvery: number
  /**
   * @param number counted from 1
   */
  step(batches: readonly MicroBatch[], number: number, learningRate: number): Promise<void>
  /** The losses of the steps since this was last asked, in their order. */
  losses(): Promise<number[]>
  /** Brings the vectors in host memory up to date. */
  fetch(): Promise<void>
  /** Goes on from the vectors in host memory. */
  put(): void
  /** Loads a program of the model, which runs with the tensors as they stand. */
  load(program: Program): Promise<Loaded>
}

/** What a stepper works on. */
export interface Work {
  /** A gradient program. */
  gradient: Program
  /** The trained tensors, in the order in which the vectors hold them. */
  parameters: readonly NamedShape[]
  moments: Moments
  /** The trained tensors as views of `moments.theta`, by name. */
  values: Values
  /** What else the programs are fed on every run: the base's weights. */
  bound: Values
  optimizer: AdamW
  /** Of weights and activations on a device. */
  precision?: 'f32' | 'f16'
  /** Scales the loss on a device; brought up to date with the vectors. */
  lossScale?: Float32Array
}
