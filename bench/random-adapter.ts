import { saveAdapter } from '../checkpoint/adapter.ts'
import type { Base } from '../checkpoint/base.ts'
import { makeRandom } from '../core/random.ts'
import { modelOf } from '../model/architectures.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'

/** Saves an adapter whose values differ a little from the initial ones, as after a short training. */
export async function saveRandomAdapter(dir: string, method: MethodConfig, base: Base, seed: number): Promise<void> {
  const values = parametersOf(method, modelOf(base)).map((parameter): [string, Float32Array] => {
    const draw = makeRandom(seed, parameter.name)
    const initial = parameter.initial(draw, (tensor) => base.tensors.get(tensor) as Float32Array)
    return [parameter.name, initial.map((x) => x + 0.01 * draw.normal())]
  })
  await saveAdapter(dir, { method, values: new Map(values) }, base)
}
