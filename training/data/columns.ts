import type { Reading } from './reading.ts'

/** The names of the columns that were used, as a later reading can request them. */
export interface Columns {
  text: string
  /** Not set if the rows have no label, which `unlabelled` allows. */
  label?: string
}

/** A request for columns. */
export type ColumnRequest = Pick<Reading, 'text_column' | 'label_column'> & { unlabelled?: boolean }

/** The usual names of a column of texts, the most usual first. The last one is that of OpenAI's older format. */
export const TEXT_NAMES: readonly string[] = ['text', 'review', 'sentence', 'content', 'body', 'comment', 'prompt']
/** The usual names of a column of labels. The last one is that of OpenAI's older format. */
export const LABEL_NAMES: readonly string[] = [
  'label',
  'sentiment',
  'target',
  'class',
  'category',
  'rating',
  'completion',
]

const normalize = (name: string): string => name.trim().toLowerCase()

/** Returns the index of a name, in any letter case if no column has exactly this one. */
export function findName(names: readonly string[], name: string): number | undefined {
  const exact = names.indexOf(name)
  const index = exact >= 0 ? exact : names.findIndex((other) => normalize(other) === normalize(name))
  return index >= 0 ? index : undefined
}

/** Returns the index of the first usual name that a column has. */
export const findUsual = (names: readonly string[], usual: readonly string[]): number | undefined =>
  usual.map((name) => findName(names, name)).find((index) => index !== undefined)

/** The columns of a table, by their indices from 0. */
export interface TableColumns {
  names: Columns
  text: number
  label?: number
  id?: number
  /** True if the first row names the columns. */
  hasHeader: boolean
}

/**
 * Finds the requested columns of a table, or those with usual names.
 * @param first the cells of the first row
 * @param rows the first rows of the table, with this one
 * @returns undefined if a column is not there
 */
export function findTableColumns(
  first: readonly string[],
  request: ColumnRequest,
  rows: readonly { fields?: readonly string[] }[],
): TableColumns | undefined {
  const cells = first.map((cell) => cell.trim())
  const { text_column, label_column, unlabelled } = request
  const text = findColumn(cells, text_column, TEXT_NAMES)
  if (text === undefined) return undefined
  const others = cells.map((cell, i) => (i === text ? '' : cell))
  const label = findColumn(others, label_column, LABEL_NAMES)
  if (label === undefined && !unlabelled) return undefined
  const found = label === undefined ? [text] : [text, label]
  // A number does not say whether there is a header.
  const hasHeader =
    [text_column, label_column].some((column) => column !== undefined && !isNumberOf(column, cells)) ||
    found.some((index) => findUsual([cells[index]], [...TEXT_NAMES, ...LABEL_NAMES]) !== undefined) ||
    (label !== undefined && isOddFirst(rows.map(({ fields }) => fields?.[label]?.trim() ?? '')))
  const nameOf = (index: number) => {
    const isUnique = cells.filter((cell) => cell === cells[index]).length === 1
    return hasHeader && isUnique && cells[index] !== '' ? cells[index] : String(index + 1)
  }
  return {
    text,
    label,
    id: hasHeader ? findName(cells, 'id') : undefined,
    names: { text: nameOf(text), ...(label !== undefined && { label: nameOf(label) }) },
    hasHeader,
  }
}

const MIN_OTHER_LABELS = 4

/** Returns whether each label but the first occurs more than once: then the first is the name of the column. */
function isOddFirst([first, ...labels]: readonly string[]): boolean {
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return labels.length >= MIN_OTHER_LABELS && !counts.has(first) && [...counts.values()].every((count) => count > 1)
}

function findColumn(cells: readonly string[], requested: string | undefined, usual: readonly string[]) {
  if (requested === undefined) return findUsual(cells, usual)
  return isNumberOf(requested, cells) ? Number(requested) - 1 : findName(cells, requested)
}

/** Returns whether a request is the number of a column. In a file without a header, a label may look the same. */
export const isNumberOf = (requested: string, cells: readonly string[]): boolean =>
  /^[1-9]\d{0,4}$/.test(requested) && Number(requested) <= cells.length

/** Returns the value at a path of keys, such as `review.text`, or at a key that contains the dots itself. */
export function valueAt(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path]
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const key = path.slice(0, dot)
    if (!Object.hasOwn(value, key)) continue
    const found = valueAt((value as Record<string, unknown>)[key], path.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

const MAX_DEPTH = 4
const MAX_PATHS = 100

/** Returns the paths to the values of an object that are not objects themselves. */
export function listPaths(object: object, depth = 0): string[] {
  return Object.entries(object)
    .flatMap(([key, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && depth < MAX_DEPTH
        ? listPaths(value, depth + 1).map((path) => `${key}.${path}`)
        : [key],
    )
    .slice(0, MAX_PATHS)
}

/**
 * Finds the requested columns of objects, or those with usual names.
 * @param samples the first objects of a file. Some of them may have other fields than the rest.
 * @returns undefined if a column is not there
 */
export function findObjectColumns(samples: readonly object[], request: ColumnRequest): Columns | undefined {
  const { text_column, label_column, unlabelled } = request
  const text = findPath(samples, text_column, TEXT_NAMES)
  if (text === undefined) return undefined
  const label = findPath(samples, label_column, LABEL_NAMES, text)
  if (label === undefined) return unlabelled ? { text } : undefined
  return { text, label }
}

function findPath(samples: readonly object[], requested: string | undefined, usual: readonly string[], taken?: string) {
  for (const object of samples) {
    if (requested !== undefined && valueAt(object, requested) !== undefined) return requested
    const names = (requested === undefined ? Object.keys(object) : listPaths(object)).filter((name) => name !== taken)
    const found = requested === undefined ? findUsual(names, usual) : findName(names, requested)
    if (found !== undefined) return names[found]
  }
  return undefined
}
