import { fail } from '../core/errors.ts'
import { lower } from '../graph/onnx/lower.ts'
import { buildProgram } from '../graph/program.ts'
import { openSession } from '../graph/runtime/session.ts'
import { modelOf } from '../model/architectures.ts'
import { findMethod } from '../model/methods/registry.ts'
import { applyMethod } from '../model/programs.ts'
import type { TrainedMethod } from './adapter.ts'
import type { Base } from './base.ts'

/**
 * Returns the full model that computes the same as an adapter on its base.
 * @throws GraftError `checkpoint_config` if the method changes more than weights
 */
export async function mergeInto(base: Base, { method, values }: TrainedMethod): Promise<TrainedMethod> {
  const full = { method: 'full' }
  if (method.method === 'full') return { method: full, values }
  if (!findMethod(method.method).merges)
    fail('checkpoint_config', {
      subject: 'the format merged',
      expected: 'a method that only changes weights, such as lora or ia3',
      found: `${method.method}, which adds to the computation`,
      fix: 'Export it in the format of a library.',
    })
  const model = modelOf(base)
  const { context } = applyMethod(model, method)
  const changed = model.linears.flatMap(({ name }) => {
    const weight = context.weight(`${name}.weight`)
    const merged = context.edits.weight(name, weight)
    return merged === weight ? [] : [[`${name}.weight`, merged] as const]
  })
  // Names of outputs must differ from those of inputs.
  const outputs = Object.fromEntries(changed.map(([name, merged]) => [`merged.${name}`, merged]))
  const session = await openSession(lower(buildProgram('merge', outputs), 'cpu'), { threads: 1 })
  try {
    const merged = await session.run({ ...Object.fromEntries(base.tensors), ...Object.fromEntries(values) }, {})
    return {
      method: full,
      values: new Map(
        [...base.tensors].map(([name, data]) => [name, (merged[`merged.${name}`] as Float32Array | undefined) ?? data]),
      ),
    }
  } finally {
    await session.close()
  }
}
