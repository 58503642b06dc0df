import { fail } from '../core/errors.ts'
import type { Model } from '../model/architecture.ts'
import { type MethodConfig, parametersOf } from '../model/methods/registry.ts'
import { sizeOfShape, type TensorData, type TensorShape } from '../model/tensor-shapes.ts'
import type { Layout, Naming } from './layout.ts'
import { checkFinite, checkTensors, findNonFinite } from './tensor-check.ts'

/** The values of an adapter's parameters, by their names in its method. */
export type ParameterValues = ReadonlyMap<string, Float32Array>

/**
 * Returns the name that each parameter of a method has in the file, in the order of the parameters.
 * @throws GraftError `checkpoint_config` if the layout cannot store the method
 */
export function tensorNamesIn(layout: Layout, method: MethodConfig, naming: Naming, model: Model): Map<string, string> {
  const supported = layout.toSupportedMethod(method)
  const names = parametersOf(supported, model).map(({ name }) => layout.tensorName(name, supported, naming))
  return new Map(parametersOf(method, model).map(({ name }, i) => [name, names[i]]))
}

/**
 * Compares the tensors of a file with those of a method, which needs only their names and shapes.
 * @throws GraftError `checkpoint_tensors` if they are not exactly those of the method
 */
export function requireTensorsOf(
  method: MethodConfig,
  names: ReadonlyMap<string, string>,
  model: Model,
  tensors: ReadonlyMap<string, TensorShape>,
  file: string,
): void {
  const expected = parametersOf(method, model).map(({ name, shape }) => ({ name: names.get(name) as string, shape }))
  checkTensors(expected, tensors, file)
}

/**
 * Returns an adapter's values from the tensors of its file.
 * @throws GraftError `checkpoint_tensors` if they are not exactly those of the method, `checkpoint_corrupt` if one is
 * not finite
 */
export function readValues(
  tensors: ReadonlyMap<string, TensorData>,
  names: ReadonlyMap<string, string>,
  method: MethodConfig,
  model: Model,
  file: string,
): Map<string, Float32Array> {
  requireTensorsOf(method, names, model, tensors, file)
  checkFinite(tensors, file)
  return new Map([...names].map(([parameter, name]) => [parameter, (tensors.get(name) as TensorData).data]))
}

/**
 * Returns an adapter's values as the tensors to store.
 * @throws GraftError `checkpoint_tensors` if the values do not fit the method, `training_diverged` if one is not finite
 */
export function toTensors(
  values: ParameterValues,
  names: ReadonlyMap<string, string>,
  method: MethodConfig,
  model: Model,
): Map<string, TensorData> {
  return new Map(
    parametersOf(method, model).map(({ name, shape }) => {
      const data = values.get(name)
      if (data?.length !== sizeOfShape(shape)) return throwWrongSize(name, shape, data)
      const nonFinite = findNonFinite(data)
      if (nonFinite !== undefined) return throwDiverged(name, nonFinite)
      return [names.get(name) as string, { shape, data }]
    }),
  )
}

/** Returns the values under the names of another method's parameters, which are in the same order. */
export function renameValues(
  values: ParameterValues,
  from: MethodConfig,
  to: MethodConfig,
  model: Model,
): Map<string, Float32Array> {
  const names = parametersOf(to, model).map(({ name }) => name)
  return new Map(parametersOf(from, model).map(({ name }, i) => [names[i], values.get(name) as Float32Array]))
}

function throwWrongSize(name: string, shape: readonly number[], data: Float32Array | undefined): never {
  fail('checkpoint_tensors', {
    subject: name,
    expected: `${sizeOfShape(shape)} numbers for the shape [${shape.join(', ')}]`,
    found: data ? String(data.length) : 'none',
    fix: 'This is a bug in Graft. Please report it with the command that caused it.',
  })
}

function throwDiverged(name: string, found: number): never {
  fail('training_diverged', {
    subject: name,
    problem: `contains ${found} after training`,
    fix: 'Train again with a lower learning rate.',
  })
}
