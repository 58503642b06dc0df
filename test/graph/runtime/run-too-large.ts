// Computes a tensor of 2.5 GB on WebGPU, and prints the resulting error. Runs in its own process, because the driver
// may crash.
import * as ort from 'onnxruntime-node'
import { GraftError } from '../../../core/errors.ts'
import { lower } from '../../../graph/onnx/lower.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { matmul } from '../../../graph/ops/matmul.ts'
import { buildProgram } from '../../../graph/program.ts'
import { toDeviceError } from '../../../graph/runtime/device-errors.ts'

const SIZE = 25_000
const outer = buildProgram('outer', { c: matmul(input('a', 'f32', [SIZE, 1]), input('b', 'f32', [1, SIZE])) })
const session = await ort.InferenceSession.create(lower(outer, 'webgpu').model, {
  executionProviders: ['webgpu'],
  preferredOutputLocation: 'gpu-buffer',
})
const ones = new Float32Array(SIZE).fill(1)
const feeds = { a: new ort.Tensor('float32', ones, [SIZE, 1]), b: new ort.Tensor('float32', ones, [1, SIZE]) }
const error = await session.run(feeds).then(
  () => new Error('the tensor fit into memory'),
  (reason: Error) => toDeviceError(reason, 'webgpu'),
)
const { message } = error
process.stdout.write(JSON.stringify({ code: error instanceof GraftError ? error.code : undefined, message }), () =>
  process.exit(0),
)
