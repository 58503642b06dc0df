import { sameShape } from './ops/shape.ts'
import type { Tensor } from './tensor.ts'
import { type Type, typeText } from './types.ts'

/** A program as data: its nodes in an order in which they can run, its inputs and its named results. */
export interface Program {
  readonly name: string
  readonly nodes: readonly Tensor[]
  readonly inputs: Readonly<Record<string, Type>>
  readonly outputs: Readonly<Record<string, Tensor>>
}

/** Gathers what the outputs need, once each: equal nodes become one. Then verifies. */
export function program(name: string, outputs: Record<string, Tensor>): Program {
  const unique = uniqueNodes(topological(Object.values(outputs)))
  const shared = Object.fromEntries(Object.entries(outputs).map(([key, t]) => [key, unique.get(t) as Tensor]))
  const nodes = topological(Object.values(shared))
  const inputs: Record<string, Type> = {}
  for (const node of nodes) if (node.op.name === 'input') inputs[node.attributes.name] = node
  return verified({ name, nodes, inputs, outputs: shared })
}

/** The outputs of a program with tensors in place of some of its inputs, to build another program on. */
export function substitute(
  { nodes, outputs }: Program,
  inputs: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const made = new Map<Tensor, Tensor>()
  for (const node of nodes) {
    const from = node.inputs.map((x) => made.get(x) as Tensor)
    const given = node.op.name === 'input' ? inputs[node.attributes.name] : undefined
    made.set(
      node,
      given ?? (from.every((x, i) => x === node.inputs[i]) ? node : Object.freeze({ ...node, inputs: from })),
    )
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, made.get(t) as Tensor]))
}

/** Every tensor on which `roots` depend, inputs before their users. */
export function topological(roots: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = []
  const seen = new Set<Tensor>()
  const stack: { node: Tensor; next: number }[] = []
  const enter = (node: Tensor) => {
    if (seen.has(node)) return
    seen.add(node)
    stack.push({ node, next: 0 })
  }
  for (const root of roots) {
    enter(root)
    while (stack.length > 0) {
      const top = stack[stack.length - 1]
      if (top.next < top.node.inputs.length) enter(top.node.inputs[top.next++])
      else order.push((stack.pop() as typeof top).node)
    }
  }
  return order
}

/** Maps each node to the first that computes the same: same op, attributes and inputs. */
function uniqueNodes(order: readonly Tensor[]): Map<Tensor, Tensor> {
  const canonical = new Map<Tensor, Tensor>()
  const byKey = new Map<string, Tensor>()
  const ids = new Map<Tensor, number>()
  for (const node of order) {
    const inputs = node.inputs.map((x) => canonical.get(x) as Tensor)
    const key = `${node.op.name} ${inputs.map((x) => ids.get(x)).join(',')} ${JSON.stringify(node.attributes)}`
    const known =
      byKey.get(key) ?? (inputs.every((x, i) => x === node.inputs[i]) ? node : Object.freeze({ ...node, inputs }))
    if (!byKey.has(key)) {
      byKey.set(key, known)
      ids.set(known, ids.size)
    }
    canonical.set(node, known)
  }
  return canonical
}

/** Checks that types are what the rules infer and that input names are unique. */
function verified(p: Program): Program {
  const names = new Set<string>()
  for (const node of p.nodes) {
    const inferred = node.op.infer(node.inputs, node.attributes)
    if (inferred.dtype !== node.dtype || !sameShape(inferred.shape, node.shape))
      throw new Error(`${p.name}: ${node.op.name} says ${typeText(node)} where its rule infers ${typeText(inferred)}`)
    if (node.op.name !== 'input') continue
    if (names.has(node.attributes.name)) throw new Error(`${p.name}: two inputs are called ${node.attributes.name}`)
    names.add(node.attributes.name)
  }
  return p
}
