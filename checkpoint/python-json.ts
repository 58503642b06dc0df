/** A number that is a float in Python, and so is written with a decimal point. */
export class PythonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

export const float = (value: number): PythonFloat => new PythonFloat(value)

/** Returns the same JSON as Python's `json.dumps(value, indent=2, sort_keys=True)`. */
export function toPythonJson(value: unknown, indent = ''): string {
  if (value instanceof PythonFloat) return Number.isInteger(value.value) ? value.value.toFixed(1) : String(value.value)
  if (typeof value === 'string') return escapeNonAscii(JSON.stringify(value))
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = `${indent}  `
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map((item) => toPythonJson(item, inner))]
    : [
        '{',
        '}',
        Object.entries(value)
          .sort(byName)
          .map(([key, item]) => `${escapeNonAscii(JSON.stringify(key))}: ${toPythonJson(item, inner)}`),
      ]
  return parts.length === 0
    ? open + close
    : `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)

const escapeNonAscii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
