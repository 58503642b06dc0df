import type { Program } from '../../graph/program.ts'
import type { Precision } from '../../graph/runtime/devices/device-description.ts'
import type { LoadedProgram } from '../../graph/runtime/pool.ts'
import type { Values } from '../../graph/runtime/session.ts'
import type { NamedShape } from '../../model/tensor-shapes.ts'
import type { MicroBatch } from './gradient-accumulator.ts'
import type { AdamW, TrainingVectors } from './optimizer.ts'

/** Takes optimizer steps, on the CPU or on a device. */
export interface Stepper {
  /** The number of steps after which the losses should be read. Reading them makes a device wait. */
  readonly lossReadInterval: number
  /** @param number the number of the step, from 1 */
  step(batches: readonly MicroBatch[], number: number, learningRate: number): Promise<void>
  /** Returns the losses of the steps since the last call, in order. */
  readLosses(): Promise<number[]>
  /** Copies the vectors from the device to host memory. */
  download(): Promise<void>
  /** Copies the vectors from host memory to the device. */
  upload(): void
  /** Loads a program of the model. Each run uses the current values of the trained tensors. */
  load(program: Program): Promise<LoadedProgram>
}

export interface StepperOptions {
  gradientProgram: Program
  /** The trained tensors, in the order of the vectors. */
  parameters: readonly NamedShape[]
  vectors: TrainingVectors
  /** The trained tensors by name, as views of `vectors.theta`. */
  values: Values
  /** Inputs that are the same in every run, such as the weights of the base. */
  bound: Values
  optimizer: AdamW
  /** A device computes with weights and activations in f16 if it is `f16`. Defaults to `f32`. */
  precision?: Precision
  /** The vector of dynamic loss scaling on a device. It is updated whenever losses or vectors are read. */
  lossScale?: Float32Array
}
