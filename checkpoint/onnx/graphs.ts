import { joinBranches } from '../../graph/onnx/branches.ts'
import { lowerToGraph } from '../../graph/onnx/lower.ts'
import type { OnnxGraph } from '../../graph/onnx/model.ts'
import type { Program } from '../../graph/program.ts'
import type { StepPrograms } from '../../model/step-programs.ts'
import type { Weights } from './weights.ts'

/** The graphs of an exported model. Their names are those of Optimum's files. */
export interface StepGraphs {
  readonly encoder_model: OnnxGraph
  readonly decoder_model: OnnxGraph
  readonly decoder_with_past_model: OnnxGraph
  /** Both decoders, with an input that selects one. transformers.js loads this one. */
  readonly decoder_model_merged: OnnxGraph
}

/** Lowers step programs to graphs that contain their weights. */
export function stepGraphs({ encoder, first, next }: StepPrograms, { stored, apply }: Weights): StepGraphs {
  const constants = Object.fromEntries(stored)
  const toGraph = (program: Program) => lowerToGraph(apply(program), 'portable', { constants })
  const [decoder, withPast] = [toGraph(first), toGraph(next)]
  return {
    encoder_model: toGraph(encoder),
    decoder_model: decoder,
    decoder_with_past_model: withPast,
    decoder_model_merged: joinBranches('merged decoder', 'use_cache_branch', withPast, decoder),
  }
}
