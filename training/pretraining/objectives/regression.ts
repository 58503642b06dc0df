import { z } from 'zod'
import { fail } from '../../../core/errors.ts'
import { multiplyDims } from '../../../graph/dim.ts'
import { div, mul } from '../../../graph/ops/elementwise.ts'
import { gather } from '../../../graph/ops/gather.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { matmul } from '../../../graph/ops/matmul.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import type { Tensor } from '../../../graph/tensor.ts'
import { normal, parameter } from '../../../model/method.ts'
import type { Corpus, Targets } from '../corpus.ts'
import { squaredError } from './losses.ts'
import type { Example, Forward, Objective, ObjectiveSetting } from './objective.ts'

export const regressionConfig = z.strictObject({
  kind: z.literal('regression'),
  weight: z.number().positive().default(1),
  at: z
    .enum(['token', 'pooled', 'first_step'])
    .describe('The state that predicts the target: of a token, the mean over a segment, or the first of the decoder.'),
  target: z.string().describe('The name of the vectors in the corpus.'),
})

type Config = z.infer<typeof regressionConfig>

/**
 * Learns to predict vectors, such as those of a larger model (Hinton et al. 2015, arXiv 1503.02531; Jiao et al. 2020,
 * arXiv 1909.10351), by a linear head and the squared error. A segment of several rows predicts their mean.
 */
export const regression = (config: Config, setting: ObjectiveSetting): Objective =>
  config.at === 'token' ? tokenRegression(config, setting) : segmentRegression(config, setting)

function segmentRegression({ at, target }: Config, { name, corpus, path, model }: ObjectiveSetting): Objective {
  const { width, data } = requireTargets(corpus, target, 'row', path)
  const head = parameter(`${name}.head`, [width, model.width], normal(model.width ** -0.5))
  return {
    heads: [head],
    constants: {},
    count: () => 1,
    loss(forward) {
      const state = at === 'pooled' ? pool(forward) : reshape(forward.states().first, ['batch', model.width])
      return squaredError(
        matmul(state, forward.context.weight(head.name), { transposeB: true }),
        input(`${name}.targets`, 'f32', ['batch', width]),
        input(`${name}.weights`, 'f32', ['batch', 1]),
      )
    },
    inputs: (examples, _source, count) => ({
      feeds: {
        [`${name}.targets`]: meansOfRows(examples, data, width),
        [`${name}.weights`]: new Float32Array(examples.length).fill(1 / count),
      },
      symbols: {},
    }),
  }
}

/** The mean of the encoder's states [B, E]. */
function pool({ states, mask }: Forward): Tensor {
  const weights = reshape(mask, [...mask.shape, 1]) // [B, S, 1]
  return div(reduceSum(mul(states().tokens, weights), [1]), reduceSum(mask, [1], true))
}

/** Returns the mean of the vectors of each example's rows [B, width]. */
export function meansOfRows(examples: readonly Example[], data: Float32Array, width: number): Float32Array {
  const means = new Float32Array(examples.length * width)
  for (const [i, { segment }] of examples.entries()) {
    const share = 1 / (segment.endRow - segment.firstRow)
    for (let row = segment.firstRow; row < segment.endRow; row++)
      for (let j = 0; j < width; j++) means[i * width + j] += share * data[row * width + j]
  }
  return means
}

function tokenRegression({ target }: Config, { name, corpus, path, model }: ObjectiveSetting): Objective {
  const { width, data, positions = new Int32Array() } = requireTargets(corpus, target, 'token', path)
  const head = parameter(`${name}.head`, [width, model.width], normal(model.width ** -0.5))
  const n = `${name}.tokens`
  const before = model.frame.before.length
  /** The range of the vectors whose tokens an example has. */
  const range = ({ segment }: Example) => [lowerBound(positions, segment.from), lowerBound(positions, segment.to)]
  const count = (example: Example) => {
    const [from, to] = range(example)
    return to - from
  }
  return {
    heads: [head],
    constants: {},
    count,
    loss({ context, states }) {
      const flat = reshape(states().tokens, [multiplyDims('batch', 'source'), model.width])
      return squaredError(
        matmul(gather(flat, input(`${name}.positions`, 'i32', [n])), context.weight(head.name), { transposeB: true }),
        input(`${name}.targets`, 'f32', [n, width]),
        input(`${name}.weights`, 'f32', [n, 1]),
      )
    },
    inputs(examples, source, countOfStep) {
      const total = examples.reduce((sum, example) => sum + count(example), 0)
      // A batch without any vector has one of weight 0, because a tensor may not be empty.
      const rows = Math.max(total, 1)
      const [at, targets] = [new Int32Array(rows), new Float32Array(rows * width)]
      let next = 0
      for (const [i, example] of examples.entries()) {
        const [from, to] = range(example)
        targets.set(data.subarray(from * width, to * width), next * width)
        for (let k = from; k < to; k++) at[next++] = i * source + before + positions[k] - example.segment.from
      }
      const weights = new Float32Array(rows).fill(total > 0 ? 1 / countOfStep : 0)
      return {
        feeds: { [`${name}.positions`]: at, [`${name}.targets`]: targets, [`${name}.weights`]: weights },
        symbols: { [n]: rows },
      }
    },
  }
}

/** Returns the index of the first element that is not less than a value, in an ascending array. */
function lowerBound(values: Int32Array, value: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

/** @throws GraftError `data_format` if the corpus has no such vectors */
export const requireTargets = ({ targets }: Corpus, name: string, of: 'row' | 'token', path: string): Targets =>
  targets.get(`${of}.${name}`) ??
  fail('data_format', {
    subject: path,
    expected: `vectors named ${of}.${name}`,
    found: [...targets.keys()].join(', ') || 'no vectors',
    fix: 'Name a target that the corpus has, or prepare the corpus with this target.',
  })
