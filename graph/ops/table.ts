import type { Op } from '../tensor.ts'
import { attentionOp } from './attention.ts'
import * as elementwise from './elementwise.ts'
import { gatherOp, scatterAddOp } from './gather.ts'
import { clampOp, iotaOp, moduloOp } from './index-math.ts'
import { constantOp, inputOp } from './leaf.ts'
import { matmulOp } from './matmul.ts'
import { inverseRmsOp, rmsNormOp } from './normal.ts'
import { codeProductOp, quantizedLinearOp, roundRowsOp, rowStepOp } from './quantized-linear.ts'
import { expandOp, reduceSumOp, reshapeOp, transposeOp } from './shape.ts'
import { concatOp, embedOp, sliceOp } from './slice.ts'
import { crossEntropyOp, logSoftmaxOp, oneHotOp, softmaxOp } from './softmax.ts'

/** All ops of the language, each with its type rule, gradient and lowering. The tests check every op in this table. */
export const ops = {
  add: elementwise.addOp,
  attention: attentionOp,
  cast: elementwise.castOp,
  clamp: clampOp,
  codeProduct: codeProductOp,
  concat: concatOp,
  constant: constantOp,
  crossEntropy: crossEntropyOp,
  detach: elementwise.detachOp,
  div: elementwise.divOp,
  embed: embedOp,
  expand: expandOp,
  gather: gatherOp,
  gelu: elementwise.geluOp,
  input: inputOp,
  inverseRms: inverseRmsOp,
  iota: iotaOp,
  less: elementwise.lessOp,
  logSoftmax: logSoftmaxOp,
  matmul: matmulOp,
  modulo: moduloOp,
  mul: elementwise.mulOp,
  oneHot: oneHotOp,
  quantizedLinear: quantizedLinearOp,
  reduceSum: reduceSumOp,
  relu: elementwise.reluOp,
  reshape: reshapeOp,
  rmsNorm: rmsNormOp,
  roundRows: roundRowsOp,
  rowStep: rowStepOp,
  scatterAdd: scatterAddOp,
  sigmoid: elementwise.sigmoidOp,
  silu: elementwise.siluOp,
  slice: sliceOp,
  softmax: softmaxOp,
  sqrt: elementwise.sqrtOp,
  step: elementwise.stepOp,
  sub: elementwise.subOp,
  tanh: elementwise.tanhOp,
  transpose: transposeOp,
  where: elementwise.whereOp,
  // biome-ignore lint/suspicious/noExplicitAny: the attributes differ from op to op
} satisfies Record<string, Op<any>>

export type OpName = keyof typeof ops
