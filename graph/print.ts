import type { Program } from './program.ts'
import type { Tensor } from './tensor.ts'
import { formatType } from './types.ts'

/** Returns a program as text, one node per line, for golden tests and for readers. */
export function printProgram({ name, nodes, outputs }: Program): string {
  const ids = new Map<Tensor, string>(nodes.map((node, i) => [node, `%${i}`]))
  const line = (node: Tensor) => {
    const inputs = node.inputs.map((x) => ids.get(x)).join(', ')
    return `  ${ids.get(node)} = ${node.op.name}(${inputs})${formatAttributes(node.attributes)} : ${formatType(node)}`
  }
  const results = Object.entries(outputs).map(([key, t]) => `  return ${key} = ${ids.get(t)}`)
  return [`program "${name}"`, ...nodes.map(line), ...results, ''].join('\n')
}

function formatAttributes(attributes: Record<string, unknown> | null): string {
  const shown = Object.entries(attributes ?? {}).filter(([key, value]) => value !== false && key !== 'dtype')
  return shown.length === 0 ? '' : ` {${shown.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}}`
}
