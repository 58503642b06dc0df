/** A number that Python holds as a float, and so writes with a point. */
export class PythonFloat {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

export const float = (value: number): PythonFloat => new PythonFloat(value)

/** JSON as `json.dumps(value, indent=2, sort_keys=True)` of Python writes it. */
export function pythonJson(value: unknown, indent = ''): string {
  if (value instanceof PythonFloat) return Number.isInteger(value.value) ? value.value.toFixed(1) : String(value.value)
  if (typeof value === 'string') return ascii(JSON.stringify(value))
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = `${indent}  `
  const [open, close, parts] = Array.isArray(value)
    ? ['[', ']', value.map((item) => pythonJson(item, inner))]
    : [
        '{',
        '}',
        Object.entries(value)
          .sort(byName)
          .map(([key, item]) => `${ascii(JSON.stringify(key))}: ${pythonJson(item, inner)}`),
      ]
  return parts.length === 0
    ? open + close
    : `${open}\n${parts.map((part) => inner + part).join(',\n')}\n${indent}${close}`
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)

const ascii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
