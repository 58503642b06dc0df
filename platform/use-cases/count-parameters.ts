import { describeValue } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import type { Model } from '../../model/architecture.ts'
import { builtInModels, modelOf } from '../../model/architectures.ts'
import { type MethodConfig, methods, parseMethod } from '../../model/methods/registry.ts'
import { countTrainable } from '../../model/parameter-count.ts'
import { type NamedShape, sizeOfShape, totalSize } from '../../model/tensor-shapes.ts'
import { countPublished, type PublishedCount } from '../offline/published-methods.ts'
import type { Platform } from '../platform.ts'
import type { CountRequest, ParameterCount } from '../schemas/parameters.ts'
import { selectAdapter } from '../store/adapters.ts'
import { selectBase } from '../store/bases.ts'

/** The base of the published comparison. */
const PUBLISHED_BASE = 't5-small'

type Counter = Pick<Platform, 'store' | 'bases'>

/**
 * Counts the parameters that a method trains on a base, by default the served one, or those that an adapter trained.
 * @throws GraftError `method_invalid`, `base_unknown`, `adapter_unknown`; `body_invalid` if the request has an adapter
 *   and other fields
 */
export async function countParameters(platform: Counter, request: CountRequest): Promise<ParameterCount> {
  const { adapter, base, ...method } = request
  if (adapter !== undefined) return countOfAdapter(platform, adapter, request)
  const config = parseMethod(requireKnownMethod(method))
  return countOn(base === undefined ? modelOf(platform.bases[0]) : await findModel(platform, base), config)
}

/**
 * Counts what each method of the published comparison trains on a base, by default that of the comparison.
 * @throws GraftError `base_unknown`
 */
export async function countPublishedMethods(
  platform: Counter,
  base: string = PUBLISHED_BASE,
): Promise<{ base: string; rows: PublishedCount[] }> {
  return { base, rows: await countPublished(await findModel(platform, base)) }
}

/** Counts the parameters that a method trains on a model, with the sum as a formula and the tensors in groups. */
export function countOn(model: Model, method: MethodConfig): ParameterCount {
  const { tensors, ...counts } = countTrainable(method, model)
  return { ...counts, formula: toFormula(tensors, counts.trainable), groups: toGroups(tensors) }
}

async function countOfAdapter(
  { store }: Pick<Counter, 'store'>,
  id: string,
  { adapter: _, ...others }: CountRequest,
): Promise<ParameterCount> {
  const [other] = Object.keys(others)
  if (other !== undefined)
    fail('body_invalid', {
      subject: other,
      expected: 'no other field besides adapter',
      found: `adapter and ${other}`,
      fix: 'Set only adapter, or only base and method.',
    })
  const { base_id, trainable, total } = await selectAdapter(store.db, id)
  const added = total - totalSize(modelOf(await selectBase(store.db, base_id)).tensors)
  return { trainable, added, total, percent: (100 * trainable) / total }
}

/** Requires a method of the registry. Inherited names such as `constructor` are not methods. */
function requireKnownMethod({ method, ...fields }: Omit<CountRequest, 'adapter' | 'base'>) {
  if (typeof method === 'string' && Object.hasOwn(methods, method)) return { ...fields, method }
  fail('method_invalid', {
    subject: 'method',
    expected: `one of ${Object.keys(methods).join(', ')}`,
    found: describeValue(method),
    fix: 'Choose one of these methods.',
  })
}

async function findModel({ store }: Pick<Counter, 'store'>, name: string): Promise<Model> {
  return modelOf(
    Object.hasOwn(builtInModels, name) ? { config: builtInModels[name] } : await selectBase(store.db, name),
  )
}

/** Returns `36 × 8 × 512 + 36 × 512 × 8 = 294,912`: one term for each shape, in the order of the tensors. */
function toFormula(tensors: readonly NamedShape[], trainable: number): string {
  const shapes = tensors.map(({ shape }) => shape.join(' × '))
  const terms = [...countEach(shapes)].map(([shape, count]) => (count > 1 ? `${count} × ${shape}` : shape))
  return `${terms.join(' + ') || '0'} = ${formatCount(trainable)}`
}

/** Groups tensors whose names differ only in the number of the block. */
function toGroups(tensors: readonly NamedShape[]): ParameterCount['groups'] {
  const groupOf = ({ name }: NamedShape) => name.replace(/\bblock\.\d+\./, 'block.*.')
  const shapes = new Map(tensors.map((tensor) => [groupOf(tensor), [...tensor.shape]]))
  return [...countEach(tensors.map(groupOf))].map(([name, count]) => {
    const shape = shapes.get(name)!
    return { name, count, shape, parameters: count * sizeOfShape(shape) }
  })
}

function countEach(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}
