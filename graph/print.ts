import type { Program } from './program.ts'
import type { Tensor } from './tensor.ts'
import { typeText } from './types.ts'

/** The program as text, one node a line: for golden tests and for reading. */
export function print({ name, nodes, outputs }: Program): string {
  const ids = new Map<Tensor, string>(nodes.map((node, i) => [node, `%${i}`]))
  const line = (node: Tensor) => {
    const inputs = node.inputs.map((x) => ids.get(x)).join(', ')
    return `  ${ids.get(node)} = ${node.op.name}(${inputs})${attributesText(node.attributes)} : ${typeText(node)}`
  }
  const results = Object.entries(outputs).map(([key, t]) => `  return ${key} = ${ids.get(t)}`)
  return [`program "${name}"`, ...nodes.map(line), ...results, ''].join('\n')
}

function attributesText(attributes: Record<string, unknown> | null): string {
  const shown = Object.entries(attributes ?? {}).filter(([key, value]) => value !== false && key !== 'dtype')
  return shown.length === 0 ? '' : ` {${shown.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}}`
}
