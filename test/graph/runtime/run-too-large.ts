// Asks WebGPU for a tensor of 2.5 GB, and prints what that means. A process of its own: the driver may not survive it.
import * as ort from 'onnxruntime-node'
import { GraftError } from '../../../core/errors.ts'
import { lower } from '../../../graph/onnx/lower.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { matmul } from '../../../graph/ops/matmul.ts'
import { program } from '../../../graph/program.ts'
import { deviceError } from '../../../graph/runtime/device-errors.ts'

const SIZE = 25_000
const outer = program('outer', { c: matmul(input('a', 'f32', [SIZE, 1]), input('b', 'f32', [1, SIZE])) })
const session = await ort.InferenceSession.create(lower(outer, 'webgpu').model, {
  executionProviders: ['webgpu'],
  preferredOutputLocation: 'gpu-buffer',
})
const ones = new Float32Array(SIZE).fill(1)
const feeds = { a: new ort.Tensor('float32', ones, [SIZE, 1]), b: new ort.Tensor('float32', ones, [1, SIZE]) }
const error = await session.run(feeds).then(
  () => new Error('it had room'),
  (reason: Error) => deviceError(reason, 'webgpu'),
)
const { message } = error
process.stdout.write(JSON.stringify({ code: error instanceof GraftError ? error.code : undefined, message }), () =>
  process.exit(0),
)
