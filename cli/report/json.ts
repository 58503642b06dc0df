const MAX_COLUMNS = 120

/** Returns a value as JSON. A list or an object that fits on a line is on one; the others have a line for each part. */
export const formatJson = (value: unknown): string => `${formatValue(JSON.parse(JSON.stringify(value)), '')}\n`

function formatValue(value: unknown, indentation: string, label = ''): string {
  const onOneLine = formatLine(value)
  if (indentation.length + label.length + onOneLine.length < MAX_COLUMNS) return onOneLine
  const inner = `${indentation}  `
  if (Array.isArray(value))
    return `[\n${value.map((item) => inner + formatValue(item, inner)).join(',\n')}\n${indentation}]`
  if (typeof value !== 'object' || value === null) return onOneLine
  const fields = Object.entries(value).map(([key, field]) => {
    const name = `${JSON.stringify(key)}: `
    return `${inner}${name}${formatValue(field, inner, name)}`
  })
  return `{\n${fields.join(',\n')}\n${indentation}}`
}

function formatLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatLine).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${formatLine(field)}`)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}
