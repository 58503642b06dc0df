import type { Dim, Shape } from './types.ts'

/** Multiplies sizes. The result has a canonical form, so that equal sizes are equal strings. */
export function multiplyDims(...dims: Dim[]): Dim {
  return combine(dims, '*', 1, (a, b) => a * b)
}

/** Adds sizes. The result has a canonical form. */
export function addDims(...dims: Dim[]): Dim {
  return combine(dims, '+', 0, (a, b) => a + b)
}

function combine(dims: Dim[], operator: '*' | '+', identity: number, fold: (a: number, b: number) => number): Dim {
  const parts = dims.flatMap((d) => toOperands(d, operator))
  const isNumber = (p: Dim) => !Number.isNaN(Number(p))
  const number = parts.filter(isNumber).reduce<number>((a, p) => fold(a, Number(p)), identity)
  const symbols = parts.filter((p) => !isNumber(p)).sort()
  if (symbols.length === 0 || (number === 0 && operator === '*')) return number
  if (symbols.length === 1 && number === identity) return stripParentheses(String(symbols[0]))
  return (number === identity ? symbols : [String(number), ...symbols]).join(operator)
}

/** Returns the operands of a size. A sum inside a product keeps its parentheses: `(10+source)*batch`. */
function toOperands(dim: Dim, operator: '*' | '+'): Dim[] {
  if (typeof dim === 'number') return [dim]
  return operator === '*' && splitAtTopLevel(dim, '+').length > 1 ? [`(${dim})`] : splitAtTopLevel(dim, operator)
}

const stripParentheses = (dim: string): string => (dim.startsWith('(') && dim.endsWith(')') ? dim.slice(1, -1) : dim)

/** Returns the number of elements of a shape. */
export const elementCount = (shape: Shape): Dim => multiplyDims(1, ...shape)

/** Evaluates a size, given the values of its symbols. */
export function sizeOf(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === 'number') return dim
  const sum = splitAtTopLevel(dim, '+')
  if (sum.length > 1) return sum.reduce((a, d) => a + sizeOf(d, symbols), 0)
  const product = splitAtTopLevel(dim, '*')
  if (product.length > 1) return product.reduce((a, d) => a * sizeOf(d, symbols), 1)
  if (dim.startsWith('(')) return sizeOf(dim.slice(1, -1), symbols)
  if (!Number.isNaN(Number(dim))) return Number(dim)
  const value = symbols[dim]
  if (value === undefined)
    throw new Error(`the size ${dim} is unknown; known sizes are ${Object.keys(symbols).join(', ')}`)
  return value
}

/** Returns the symbols in a size: `source` and `batch` for `(10+source)*batch`. */
export const symbolsOf = (dim: Dim): string[] =>
  String(dim)
    .split(/[()+*]/)
    .filter((part) => part !== '' && Number.isNaN(Number(part)))

/** Splits a size at an operator outside parentheses: `(10+s)*b` at `*` gives `(10+s)` and `b`. */
export function splitAtTopLevel(dim: string, operator: '*' | '+'): string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const c of dim) {
    if (c === '(') depth++
    if (c === ')') depth--
    if (c === operator && depth === 0) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts
}
