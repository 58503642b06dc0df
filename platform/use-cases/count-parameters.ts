import { describe } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { type MethodConfig, methods, parseMethod } from '../../model/methods/registry.ts'
import { ledger } from '../../model/parameter-count.ts'
import { T5_SMALL, type T5Config } from '../../model/t5/config.ts'
import { baseTensors, countOf, type NamedShape, sizeOfShape } from '../../model/t5/tensors.ts'
import type { Platform } from '../platform.ts'
import type { CountRequest, ParameterCount } from '../schemas/parameters.ts'
import { getAdapter } from '../store/adapters.ts'
import { getBase } from '../store/bases.ts'

const BUILT_IN = 't5-small'

/**
 * Counts what a method trains on a base (`t5-small` unless named), or what a served adapter trained.
 * @throws GraftError `method_invalid`, `base_unknown`, `adapter_unknown`; `body_invalid` where an adapter is not named alone
 */
export async function countParameters(
  platform: Pick<Platform, 'store'>,
  request: CountRequest,
): Promise<ParameterCount> {
  const { adapter, base, ...method } = request
  if (adapter !== undefined) return ofAdapter(platform, adapter, request)
  return countOn(await shapeOf(platform, base ?? BUILT_IN), parseMethod(known(method)))
}

/** Counts what a method trains on a base of that shape, with the sum in figures and the tensors by family. */
export function countOn(t5: T5Config, method: MethodConfig): ParameterCount {
  const { tensors, ...counts } = ledger(method, t5)
  return { ...counts, formula: formula(tensors, counts.trainable), groups: groups(tensors) }
}

async function ofAdapter(
  { store }: Pick<Platform, 'store'>,
  id: string,
  { adapter: _, ...others }: CountRequest,
): Promise<ParameterCount> {
  const [other] = Object.keys(others)
  if (other !== undefined)
    fail('body_invalid', {
      subject: other,
      expected: 'adapter alone',
      found: `adapter and ${other}`,
      fix: 'Name an adapter, or a base and a method.',
    })
  const { base_id, trainable, total } = await getAdapter(store.db, id)
  const added = total - countOf(baseTensors((await getBase(store.db, base_id)).shape))
  return { trainable, added, total, percent: (100 * trainable) / total }
}

/** The registry is an object, whose inherited names (`constructor`) are not methods. */
function known({ method, ...fields }: Omit<CountRequest, 'adapter' | 'base'>) {
  if (typeof method === 'string' && Object.hasOwn(methods, method)) return { ...fields, method }
  fail('method_invalid', {
    subject: 'method',
    expected: `one of ${Object.keys(methods).join(', ')}`,
    found: describe(method),
    fix: 'Choose one of those.',
  })
}

async function shapeOf({ store }: Pick<Platform, 'store'>, name: string): Promise<T5Config> {
  return name === BUILT_IN ? T5_SMALL : (await getBase(store.db, name)).shape
}

/** `36 × 8 × 512 + 36 × 512 × 8 = 294,912`: one term for each shape, in the order of the tensors. */
function formula(tensors: readonly NamedShape[], trainable: number): string {
  const shapes = tensors.map(({ shape }) => shape.join(' × '))
  const terms = [...counted(shapes)].map(([shape, count]) => (count > 1 ? `${count} × ${shape}` : shape))
  return `${terms.join(' + ') || '0'} = ${trainable.toLocaleString('en')}`
}

function groups(tensors: readonly NamedShape[]): ParameterCount['groups'] {
  const family = ({ name }: NamedShape) => name.replace(/\bblock\.\d+\./, 'block.*.')
  const shapes = new Map(tensors.map((tensor) => [family(tensor), [...tensor.shape]]))
  return [...counted(tensors.map(family))].map(([name, count]) => {
    const shape = shapes.get(name)!
    return { name, count, shape, parameters: count * sizeOfShape(shape) }
  })
}

function counted(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
