import { fail } from '../core/errors.ts'
import { type MethodConfig, methodNamed } from '../model/methods/registry.ts'
import type { T5Config } from '../model/t5/config.ts'
import { type NamedShape, sizeOfShape } from '../model/t5/tensors.ts'
import type { Layout, Naming } from './layout.ts'
import type { StoredTensor } from './safetensors.ts'
import { checkFinite, checkTensors, notFinite } from './tensor-check.ts'

/** An adapter's numbers, by the names of its method's parameters. */
export type Values = ReadonlyMap<string, Float32Array>

const parametersOf = (method: MethodConfig, t5: T5Config): NamedShape[] =>
  methodNamed(method.method).parameters(method, t5)

/**
 * What the file calls each parameter of a method: parameter name → file tensor name, in the order of the parameters.
 * @throws GraftError `checkpoint_config` where the layout cannot hold the method
 */
export function namesIn(layout: Layout, method: MethodConfig, naming: Naming, t5: T5Config): Map<string, string> {
  const stored = layout.stored(method)
  const names = parametersOf(stored, t5).map(({ name }) => layout.fileName(name, stored, naming))
  return new Map(parametersOf(method, t5).map(({ name }, i) => [name, names[i]]))
}

/**
 * Takes an adapter's values out of the tensors of its file.
 * @throws GraftError `checkpoint_tensors` unless they are exactly those of the method, `checkpoint_corrupt` for a NaN
 */
export function valuesFrom(
  tensors: ReadonlyMap<string, StoredTensor>,
  names: ReadonlyMap<string, string>,
  method: MethodConfig,
  t5: T5Config,
  file: string,
): Map<string, Float32Array> {
  const expected = parametersOf(method, t5).map(({ name, shape }) => ({ name: names.get(name) as string, shape }))
  checkTensors(expected, tensors, file)
  checkFinite(tensors, file)
  return new Map([...names].map(([parameter, name]) => [parameter, (tensors.get(name) as StoredTensor).data]))
}

/**
 * The tensors of a file, of an adapter's values.
 * @throws GraftError `checkpoint_tensors` for values that do not fit the method, `training_diverged` for those that are not finite
 */
export function tensorsOf(
  values: Values,
  names: ReadonlyMap<string, string>,
  method: MethodConfig,
  t5: T5Config,
): Map<string, StoredTensor> {
  return new Map(
    parametersOf(method, t5).map(({ name, shape }) => {
      const data = values.get(name)
      if (data?.length !== sizeOfShape(shape)) return misfit(name, shape, data)
      const wrong = notFinite(data)
      if (wrong !== undefined) return diverged(name, wrong)
      return [names.get(name) as string, { shape, data }]
    }),
  )
}

/** The same values under the names of another method's parameters, which stand in the same order. */
export function renamed(values: Values, from: MethodConfig, to: MethodConfig, t5: T5Config): Map<string, Float32Array> {
  const names = parametersOf(to, t5).map(({ name }) => name)
  return new Map(parametersOf(from, t5).map(({ name }, i) => [names[i], values.get(name) as Float32Array]))
}

function misfit(name: string, shape: readonly number[], data: Float32Array | undefined): never {
  fail('checkpoint_tensors', {
    subject: name,
    expected: `${sizeOfShape(shape)} numbers for [${shape.join(', ')}]`,
    found: data ? String(data.length) : 'nothing',
    fix: 'This is a fault in Graft; please report it with the command that led to it.',
  })
}

function diverged(name: string, found: number): never {
  fail('training_diverged', {
    subject: name,
    expected: 'finite numbers',
    found: String(found),
    fix: 'Train again with a lower learning rate.',
  })
}
