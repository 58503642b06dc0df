/** The first rows of a file, to choose its columns by. The server reads the file itself, and has the last word. */
export interface FileHead {
  columns: readonly string[]
  rows: readonly (readonly string[])[]
}

const HEAD_BYTES = 2 ** 16
const MAX_ROWS = 6

/** Reads the first rows of a file of reviews, as far as its beginning shows them. */
export async function readHead(file: Blob): Promise<FileHead | undefined> {
  const { text, isWhole } = await readText(file)
  const trimmed = text.trimStart()
  if (/^[[{]/.test(trimmed)) return headOfJson(trimmed)
  return headOfTable(trimmed, isWhole)
}

async function readText(file: Blob): Promise<{ text: string; isWhole: boolean }> {
  const magic = new Uint8Array(await file.slice(0, 2).arrayBuffer())
  const isGzip = magic[0] === 0x1f && magic[1] === 0x8b
  const stream = isGzip
    ? file.stream().pipeThrough(new DecompressionStream('gzip'))
    : file.slice(0, HEAD_BYTES).stream()
  const parts: Uint8Array[] = []
  let bytes = 0
  let isWhole = !isGzip && file.size <= HEAD_BYTES
  const reader = stream.getReader()
  while (bytes < HEAD_BYTES) {
    const { done, value } = await reader.read()
    if (done) {
      isWhole ||= isGzip
      break
    }
    parts.push(value)
    bytes += value.length
  }
  await reader.cancel()
  const head = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
  const encoding =
    head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8'
  return { text: new TextDecoder(encoding).decode(head), isWhole }
}

/** Reads objects on lines, or in an array whose first elements are complete. */
function headOfJson(text: string): FileHead | undefined {
  const objects: object[] = []
  for (let start = text.indexOf('{'); start >= 0 && objects.length < MAX_ROWS; ) {
    const end = endOfObject(text, start)
    if (end === undefined) break
    const object = parseObject(text.slice(start, end))
    if (!object) break
    objects.push(object)
    start = text.indexOf('{', end)
  }
  if (objects.length === 0) return undefined
  const columns = [...new Set(objects.flatMap((object) => pathsOf(object)))].slice(0, 50)
  return { columns, rows: objects.map((object) => columns.map((path) => toText(valueAt(object, path)))) }
}

/** Returns the index after the bracket that closes an object. */
function endOfObject(text: string, start: number): number | undefined {
  let [depth, isQuoted] = [0, false]
  for (let i = start; i < text.length; i++) {
    const character = text[i]
    if (isQuoted) {
      if (character === '\\') i++
      else if (character === '"') isQuoted = false
    } else if (character === '"') isQuoted = true
    else if (character === '{') depth++
    else if (character === '}' && --depth === 0) return i + 1
  }
  return undefined
}

function parseObject(text: string): object | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the paths to the values of an object, such as `review.text`. */
const pathsOf = (object: object): string[] =>
  Object.entries(object).flatMap(([key, value]) =>
    isObject(value) ? pathsOf(value).map((path) => `${key}.${path}`) : [key],
  )

function valueAt(object: object, path: string): unknown {
  let value: unknown = object
  for (const key of path.split('.')) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

const toText = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)

const DELIMITERS = ['\t', ';', '|', ',']

/** Reads a table. Its first row is taken for a header. */
function headOfTable(text: string, isWhole: boolean): FileHead | undefined {
  const separator = /^sep=(.)\r?\n/.exec(text)
  const content = separator ? text.slice(separator[0].length) : text
  const [firstLine] = content.split(/[\r\n]/, 1)
  const counts = DELIMITERS.map((delimiter) => [delimiter, firstLine.split(delimiter).length] as const)
  const [best, width] = counts.reduce((a, b) => (b[1] > a[1] ? b : a))
  if (width < 2 && !separator) return undefined
  const rows = splitRows(content, separator?.[1] ?? best)
  if (!isWhole && rows.length > 1) rows.pop()
  const [columns, ...rest] = rows.slice(0, MAX_ROWS + 1)
  return { columns: columns.map((name, i) => name || String(i + 1)), rows: rest }
}

function splitRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = []
  let [row, cell, isQuoted]: [string[], string, boolean] = [[], '', false]
  const endRow = () => {
    row.push(cell.trim())
    if (row.some((one) => one !== '')) rows.push(row)
    row = []
    cell = ''
  }
  for (let i = 0; i < text.length && rows.length <= MAX_ROWS + 1; i++) {
    const character = text[i]
    if (isQuoted) {
      if (character !== '"') cell += character
      else if (text[i + 1] === '"') {
        cell += '"'
        i++
      } else isQuoted = false
    } else if (character === '"' && cell.trim() === '' && delimiter !== '\t') {
      isQuoted = true
      cell = ''
    } else if (character === delimiter) {
      row.push(cell.trim())
      cell = ''
    } else if (character === '\n' || character === '\r') endRow()
    else cell += character
  }
  if (cell !== '' || row.length > 0) endRow()
  return rows
}
