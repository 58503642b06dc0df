import { type ColumnRequest, type Columns, findObjectColumns, findUsual, listPaths, TEXT_NAMES } from './columns.ts'
import { type ElementsPath, makeElementScanner } from './json-elements.ts'
import { isConversation, parseObject } from './json-row.ts'
import { throwFormat } from './read-contents.ts'
import { throwColumns } from './throw-columns.ts'

/** How JSON is written. */
export interface JsonLayout {
  /** The place of the rows in a document. Not set for JSON lines. */
  elements?: ElementsPath
  columns: Columns
  /** True if no row needs the columns, because all are conversations in OpenAI's format. */
  isConversation: boolean
}

const MAX_SAMPLES = 200

/** Returns whether text is JSON with objects or lists, by its first characters. */
export const isJson = (head: string): boolean => /^\s*(?:\{|\[\s*(?:[{["\]]|$))/.test(head)

/**
 * Returns how JSON is written, by its beginning.
 * @param lines the first lines that are not blank; all are complete
 * @throws GraftError `data_format` if it has no rows with the requested or usual fields
 */
export function detectJson(head: string, lines: readonly string[], path: string, request: ColumnRequest): JsonLayout {
  const isArray = head.trimStart().startsWith('[')
  const sampled = lines.slice(0, MAX_SAMPLES)
  const objects = isArray ? [] : sampled.flatMap(toObjects)
  if (objects.length > 0) requireRows(objects[0], path)
  // The lines of a document may be objects by chance, such as its last row.
  const isLines = objects.length >= sampled.length / 2 || (sampled.length > 0 && toObjects(sampled[0]).length > 0)
  const byLines = isLines ? findRows(objects, request) : undefined
  if (byLines) return byLines
  const documents = listDocuments(head)
  const fitting = documents.flatMap(({ elements, samples }) => {
    const rows = findRows(samples, withoutPrefix(request, elements))
    return rows && (elements !== 'values' || documents.length === 1) ? [{ elements, ...rows }] : []
  })
  if (fitting.length > 1) throwSeveralArrays(path, fitting)
  if (fitting.length === 1) return fitting[0]
  const shown = (isLines && objects.length > 1 ? [] : documents).map(({ samples }) => listPaths(samples[0]))
  const [paths] = [...shown.filter(hasUsualName), ...shown, ...objects.map((object) => listPaths(object))]
  if (paths) return throwColumns(path, paths, request)
  // The reader reports rows that cannot be read.
  return { ...(isArray && { elements: [] }), columns: usualColumns, isConversation: false }
}

/** Returns whether a field within objects has a usual name. It is then likely to be the right one. */
const hasUsualName = (paths: readonly string[]): boolean =>
  paths.some((path) => findUsual([path.slice(path.lastIndexOf('.') + 1)], TEXT_NAMES) !== undefined)

const usualColumns: Columns = { text: 'text', label: 'label' }

function toObjects(line: string): object[] {
  const parsed = parseObject(line)
  return 'object' in parsed ? [parsed.object] : []
}

function findRows(samples: readonly object[], request: ColumnRequest): Omit<JsonLayout, 'elements'> | undefined {
  const columns = findObjectColumns(samples, request)
  if (columns) return { columns, isConversation: false }
  return samples.some(isConversation) ? { columns: usualColumns, isConversation: true } : undefined
}

/** Removes the path of the array from a requested path, which may start there. */
function withoutPrefix(request: ColumnRequest, elements: ElementsPath): ColumnRequest {
  if (elements === 'values' || elements.length === 0) return request
  const prefix = `${elements.join('.')}.`
  const strip = (column: string | undefined) => (column?.startsWith(prefix) ? column.slice(prefix.length) : column)
  return { ...request, text_column: strip(request.text_column), label_column: strip(request.label_column) }
}

/** Returns the arrays of objects in the beginning of a document, and the objects at its top, with the first of each. */
function listDocuments(head: string): { elements: ElementsPath; samples: object[] }[] {
  const found = new Map<string, { elements: ElementsPath; samples: object[] }>()
  const scan = (accepts: (path: ElementsPath) => boolean, toElements: (path: readonly string[]) => ElementsPath) => {
    const scanner = makeElementScanner(
      { accepts, maxBytes: Number.POSITIVE_INFINITY },
      ({ path, bytes }) => {
        const elements = toElements(path)
        const key = JSON.stringify(elements)
        const document = found.get(key) ?? { elements, samples: [] }
        found.set(key, document)
        if (document.samples.length < MAX_SAMPLES) document.samples.push(...toObjects(bytes.toString()))
      },
      () => {
        throw new Error('the beginning of a document is not that deep')
      },
    )
    scanner.push(Buffer.from(head))
  }
  scan(
    (path) => path !== 'values',
    (path) => path,
  )
  scan(
    (path) => path === 'values',
    () => 'values',
  )
  return [...found.values()].filter(({ samples }) => samples.length > 0)
}

function throwSeveralArrays(path: string, layouts: readonly JsonLayout[]): never {
  const names = layouts.map(({ elements }) => (elements === 'values' ? '' : (elements ?? []).join('.')))
  const { text } = layouts[0].columns
  return throwFormat(path, {
    expected: 'one array of reviews',
    found: `several: ${names.slice(0, 12).join(', ')}`,
    fix: `Choose one by its path, such as --text-column ${names[0]}.${text} (text_column in a request), or write each to its own file.`,
  })
}

/** @throws GraftError `data_format` for JSON that is written by columns, as pandas does by default */
function requireRows(first: object, path: string): void {
  const values = Object.values(first)
  const isColumn = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.hasOwn(value, '0') &&
    Object.hasOwn(value, '1')
  if (values.length > 0 && values.every((value) => isColumn(value)))
    throwFormat(path, {
      expected: 'JSON with an object for each row',
      found: `an object with the columns ${Object.keys(first).slice(0, 12).join(', ')}, as pandas writes by default`,
      fix: 'Write rows instead: data.to_json(FILE, orient="records", lines=True).',
    })
}
