import { sameShape } from './ops/shape.ts'
import type { Tensor } from './tensor.ts'
import { formatType, type Type } from './types.ts'

/** A program as data: its nodes, its inputs and its named outputs. */
export interface Program {
  readonly name: string
  /**
   * Each node comes after its inputs, and what one output needs comes before what only the next one needs. The output
   * with the shortest way from the inputs is first. So a gradient is computed as soon as it can be, and the values that
   * it needs are freed.
   */
  readonly nodes: readonly Tensor[]
  readonly inputs: Readonly<Record<string, Type>>
  readonly outputs: Readonly<Record<string, Tensor>>
}

/** Builds a program from its outputs: collects the nodes that they need, merges equal ones, and verifies the result. */
export function buildProgram(name: string, outputs: Record<string, Tensor>): Program {
  const unique = uniqueNodes(topologicalOrder(Object.values(outputs)))
  const merged = Object.fromEntries(Object.entries(outputs).map(([key, t]) => [key, unique.get(t) as Tensor]))
  const nodes = topologicalOrder(byDepth(Object.values(merged)))
  const inputs: Record<string, Type> = {}
  for (const node of nodes) if (node.op.name === 'input') inputs[node.attributes.name] = node
  return verify({ name, nodes, inputs, outputs: merged })
}

/** Returns the outputs of a program with some of its inputs replaced by tensors, for building another program. */
export const substitute = (program: Program, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  replaceNodes(program, (node) => (node.op.name === 'input' ? inputs[node.attributes.name] : undefined))

/**
 * Returns the outputs of a program with some of its nodes replaced, for building another program.
 * @param replacementOf returns the tensor that takes the place of a node. If undefined, the node stays
 */
export function replaceNodes(
  { nodes, outputs }: Program,
  replacementOf: (node: Tensor) => Tensor | undefined,
): Record<string, Tensor> {
  const substituted = new Map<Tensor, Tensor>()
  for (const node of nodes) {
    const from = node.inputs.map((x) => substituted.get(x) as Tensor)
    substituted.set(
      node,
      replacementOf(node) ??
        (from.every((x, i) => x === node.inputs[i]) ? node : Object.freeze({ ...node, inputs: from })),
    )
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, substituted.get(t) as Tensor]))
}

/** Returns `roots` and all tensors that they depend on, each after its inputs. */
export function topologicalOrder(roots: readonly Tensor[]): Tensor[] {
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

/** Returns tensors in the order of their depths: the nodes on the longest way to them. */
function byDepth(roots: readonly Tensor[]): Tensor[] {
  const depths = new Map<Tensor, number>()
  const depthOf = (node: Tensor) => depths.get(node) as number
  for (const node of topologicalOrder(roots))
    depths.set(
      node,
      node.inputs.reduce((depth, x) => Math.max(depth, depthOf(x) + 1), 0),
    )
  return roots.toSorted((a, b) => depthOf(a) - depthOf(b))
}

/** Maps each node to the first node with the same op, attributes and inputs. */
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

/** Checks that the types match what the ops infer and that input names are unique. Returns the program. */
function verify(p: Program): Program {
  const names = new Set<string>()
  for (const node of p.nodes) {
    const inferred = node.op.infer(node.inputs, node.attributes)
    if (inferred.dtype !== node.dtype || !sameShape(inferred.shape, node.shape))
      throw new Error(
        `${p.name}: ${node.op.name} has the type ${formatType(node)}, but its rule infers ${formatType(inferred)}`,
      )
    if (node.op.name !== 'input') continue
    if (names.has(node.attributes.name)) throw new Error(`${p.name}: two inputs are named ${node.attributes.name}`)
    names.add(node.attributes.name)
  }
  return p
}
