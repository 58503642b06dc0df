import { apply } from './op.ts'
import { cast } from './ops/elementwise.ts'
import { constant, input } from './ops/leaf.ts'
import { type Program, program } from './program.ts'
import type { Tensor } from './tensor.ts'

/** The largest number of f16. */
const LARGEST = 65504

/**
 * The same program in mixed precision: each op in the precision that its rule names, with casts where that changes. Inputs that feed
 * nothing but ops in half precision, which frozen weights do, become f16; results stay f32. The gradient is part of the program by then,
 * so it is computed likewise.
 */
export function halved({ name, nodes, outputs }: Program): Program {
  const users = Map.groupBy(
    nodes.flatMap((node) => node.inputs.map((from) => ({ from, node }))),
    ({ from }) => from,
  )
  const onlyHalf = (node: Tensor) =>
    users.get(node)?.every(({ node: user }) => user.op.precision === 'half') && !Object.values(outputs).includes(node)
  const made = new Map<Tensor, Tensor>()
  for (const node of nodes) {
    const { op, attributes } = node
    if (op.name === 'input' && node.dtype === 'f32' && onlyHalf(node)) {
      made.set(node, input(attributes.name, 'f16', node.shape))
      continue
    }
    const inputs = node.inputs.map((x) => made.get(x) as Tensor)
    const real = inputs.filter(({ dtype }) => dtype === 'f32' || dtype === 'f16')
    // A constant takes the type of what it meets, if that can hold it.
    const wide = real.some((x) => x.dtype === 'f32' && !isSmallConstant(x))
    const narrow =
      op.precision === 'half' || (op.precision === undefined && real.some((x) => x.dtype === 'f16') && !wide)
    const typed = inputs.map((x) => (real.includes(x) ? as(x, narrow ? 'f16' : 'f32') : x))
    made.set(node, inputs.length === 0 ? node : { ...apply(op, typed, attributes), label: node.label })
  }
  return program(
    name,
    Object.fromEntries(Object.entries(outputs).map(([key, t]) => [key, as(made.get(t) as Tensor, t.dtype)])),
  )
}

const isSmallConstant = ({ op, attributes }: Tensor): boolean =>
  op.name === 'constant' && attributes.values.every((value: number) => Math.abs(value) <= LARGEST)

function as(x: Tensor, dtype: Tensor['dtype']): Tensor {
  if (x.dtype === dtype) return x
  return isSmallConstant(x) && dtype === 'f16'
    ? constant(x.attributes.values, x.attributes.shape, dtype)
    : cast(x, dtype)
}
