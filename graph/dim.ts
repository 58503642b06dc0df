import type { Dim, Shape } from './types.ts'

/** The product of sizes, in one canonical spelling, so that equal sizes are equal strings. */
export function times(...dims: Dim[]): Dim {
  return combine(dims, '*', 1, (a, b) => a * b)
}

/** The sum of sizes, in one canonical spelling. */
export function plus(...dims: Dim[]): Dim {
  return combine(dims, '+', 0, (a, b) => a + b)
}

function combine(dims: Dim[], sign: '*' | '+', unit: number, join: (a: number, b: number) => number): Dim {
  const parts = dims.flatMap((d) => partsOf(d, sign))
  const isNumber = (p: Dim) => !Number.isNaN(Number(p))
  const number = parts.filter(isNumber).reduce<number>((a, p) => join(a, Number(p)), unit)
  const symbols = parts.filter((p) => !isNumber(p)).sort()
  if (symbols.length === 0 || (number === 0 && sign === '*')) return number
  if (symbols.length === 1 && number === unit) return unwrapped(String(symbols[0]))
  return (number === unit ? symbols : [String(number), ...symbols]).join(sign)
}

/** A sum inside a product keeps its brackets: `(10+source)*batch`. */
function partsOf(dim: Dim, sign: '*' | '+'): Dim[] {
  if (typeof dim === 'number') return [dim]
  return sign === '*' && topLevel(dim, '+').length > 1 ? [`(${dim})`] : topLevel(dim, sign)
}

const unwrapped = (dim: string): string => (dim.startsWith('(') && dim.endsWith(')') ? dim.slice(1, -1) : dim)

export const elements = (shape: Shape): Dim => times(1, ...shape)

/** The value of a size, given the values of its symbols. */
export function sizeOf(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === 'number') return dim
  const sum = topLevel(dim, '+')
  if (sum.length > 1) return sum.reduce((a, d) => a + sizeOf(d, symbols), 0)
  const product = topLevel(dim, '*')
  if (product.length > 1) return product.reduce((a, d) => a * sizeOf(d, symbols), 1)
  if (dim.startsWith('(')) return sizeOf(dim.slice(1, -1), symbols)
  if (!Number.isNaN(Number(dim))) return Number(dim)
  const value = symbols[dim]
  if (value === undefined) throw new Error(`size ${dim} is not known; known are ${Object.keys(symbols).join(', ')}`)
  return value
}

/** The symbols in a size: of `(10+source)*batch` they are `source` and `batch`. */
export const symbolsOf = (dim: Dim): string[] =>
  String(dim)
    .split(/[()+*]/)
    .filter((part) => part !== '' && Number.isNaN(Number(part)))

/** Splits at a sign outside brackets: `(10+s)*b` at `*` gives `(10+s)` and `b`. */
export function topLevel(dim: string, sign: '*' | '+'): string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const c of dim) {
    if (c === '(') depth++
    if (c === ')') depth--
    if (c === sign && depth === 0) parts.push('')
    else parts[parts.length - 1] += c
  }
  return parts
}
