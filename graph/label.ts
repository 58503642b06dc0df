import { topological } from './program.ts'
import type { Tensor } from './tensor.ts'

/** The same tensors, and all that they depend on, with labels. */
export function labelled(
  outputs: Readonly<Record<string, Tensor>>,
  labels: ReadonlyMap<Tensor, string>,
): Record<string, Tensor> {
  const made = new Map<Tensor, Tensor>()
  for (const node of topological(Object.values(outputs))) {
    const inputs = node.inputs.map((x) => made.get(x) as Tensor)
    made.set(node, Object.freeze({ ...node, inputs, label: labels.get(node) }))
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, made.get(t) as Tensor]))
}
