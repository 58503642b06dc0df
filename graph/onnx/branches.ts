import { sameShape } from '../ops/shape.ts'
import type { Type } from '../types.ts'
import type { Initializer, OnnxGraph, OnnxNode } from './model.ts'

/**
 * Joins two graphs with the same outputs into one that runs either of them. Weights, and nodes that depend on nothing
 * but constants, are in the joined graph once, so that the branches share them.
 * @param condition the name of the input bool [1] that selects the branch
 * @param yes the graph that runs if it is true. Inputs of the same name must have the same type in both
 */
export function joinBranches(name: string, condition: string, yes: OnnxGraph, no: OnnxGraph): OnnxGraph {
  const initializers = new Map<string, Initializer>()
  const shared = new Map<string, OnnxNode>()
  const fixed = new Set<string>()

  const toBranch = (prefix: string, graph: OnnxGraph): OnnxGraph => {
    const names = new Map<string, string>()
    const rename = (value: string) => names.get(value) ?? value
    const results = new Set(graph.outputs.map(([output]) => output))
    const nodes: OnnxNode[] = []
    for (const initializer of graph.initializers) {
      const key = keyOf(initializer)
      const known = initializers.get(key) ?? { ...initializer, name: isWeight(initializer) ? key : `constant.${key}` }
      initializers.set(key, known)
      fixed.add(known.name)
      names.set(initializer.name, known.name)
    }
    for (const node of graph.nodes) {
      const inputs = node.inputs.map(rename)
      const isShared =
        inputs.length > 0 && inputs.every((input) => fixed.has(input)) && !node.outputs.some((x) => results.has(x))
      const key = JSON.stringify([node.opType, inputs, node.attributes])
      const renamed = {
        ...node,
        name: `${prefix}.${node.name}`,
        inputs,
        outputs: node.outputs.map((output) => `${prefix}.${output}`),
      }
      const kept = (isShared && shared.get(key)) || renamed
      for (const [i, output] of node.outputs.entries()) names.set(output, kept.outputs[i])
      if (!isShared) nodes.push(kept)
      else {
        shared.set(key, kept)
        for (const output of kept.outputs) fixed.add(output)
      }
    }
    const typeOf = new Map(graph.outputs)
    return {
      name: prefix,
      nodes,
      inputs: [],
      outputs: yes.outputs.map(([output]) => [rename(output), typeOf.get(output) as Type]),
      initializers: [],
    }
  }

  const branches = { then_branch: toBranch('yes', yes), else_branch: toBranch('no', no) }
  const choice: OnnxNode = {
    name: condition,
    opType: 'If',
    domain: '',
    inputs: [condition],
    outputs: yes.outputs.map(([output]) => output),
    attributes: branches,
  }
  return {
    name,
    nodes: [...shared.values(), choice],
    inputs: [...joinInputs(yes, no), [condition, { dtype: 'bool', shape: [1] }]],
    outputs: yes.outputs,
    initializers: [...initializers.values()],
  }
}

/** Returns the name of a weight, which is the same in both graphs, or the value of a small constant. */
const keyOf = ({ name, dtype, shape, values }: Initializer): string =>
  ArrayBuffer.isView(values) ? name : `${dtype}[${shape}]${values.join('_')}`

const isWeight = ({ values }: Initializer): boolean => ArrayBuffer.isView(values)

function joinInputs(yes: OnnxGraph, no: OnnxGraph): OnnxGraph['inputs'] {
  const inputs = new Map(no.inputs)
  for (const [name, type] of yes.inputs) {
    const other = inputs.get(name)
    if (other && (other.dtype !== type.dtype || !sameShape(other.shape, type.shape)))
      throw new Error(`the input ${name} has two types`)
    inputs.set(name, type)
  }
  return [...inputs]
}
