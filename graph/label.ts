import { topologicalOrder } from './program.ts'
import type { Tensor } from './tensor.ts'

/** Returns copies of the tensors, and of all that they depend on, with labels. */
export function withLabels(
  outputs: Readonly<Record<string, Tensor>>,
  labels: ReadonlyMap<Tensor, string>,
): Record<string, Tensor> {
  const copies = new Map<Tensor, Tensor>()
  for (const node of topologicalOrder(Object.values(outputs))) {
    const inputs = node.inputs.map((x) => copies.get(x) as Tensor)
    copies.set(node, Object.freeze({ ...node, inputs, label: labels.get(node) }))
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, copies.get(t) as Tensor]))
}
