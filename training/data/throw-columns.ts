import { describeValue } from '../../core/describe.ts'
import { type ColumnRequest, findName, findUsual, isNumberOf, LABEL_NAMES, TEXT_NAMES } from './columns.ts'
import { throwFormat } from './read-contents.ts'

const MAX_SHOWN = 12

/** Lists the columns of a table by their numbers, or the fields of objects. */
function listColumns(names: readonly string[], isTable: boolean): string {
  const shown = names.slice(0, MAX_SHOWN).map((name, i) => (isTable ? `${i + 1} ${describeValue(name)}` : name))
  return names.length > MAX_SHOWN ? `${shown.join(', ')} and ${names.length - MAX_SHOWN} more` : shown.join(', ')
}

/**
 * Throws the error for a file whose columns are not known. It lists them: only who uploads a file, or names one on the
 * command line, sees this error, because the columns of a stored data set are stored with it.
 * @param names the cells of the first row of a table, or the fields of objects
 * @param rows the first rows of a table
 * @throws GraftError `data_format`
 */
export function throwColumns(
  path: string,
  names: readonly string[],
  request: ColumnRequest,
  rows?: readonly (readonly string[])[],
): never {
  const isTable = rows !== undefined
  const { text_column, label_column, unlabelled } = request
  const isThere = (column: string) => findName(names, column) !== undefined || (isTable && isNumberOf(column, names))
  const missing = [text_column, label_column].find((column) => column !== undefined && !isThere(column))
  const wanted = unlabelled ? [] : [`one of labels (${LABEL_NAMES.slice(0, -1).join(', ')})`]
  return throwFormat(path, {
    expected:
      missing === undefined
        ? [`a column of texts (${TEXT_NAMES.slice(0, -1).join(', ')})`, ...wanted].join(' and ')
        : `the column ${JSON.stringify(missing)}`,
    found: `${isTable ? 'a first line with the columns' : 'rows with the fields'} ${listColumns(names, isTable)}`,
    fix: isTable ? adviseTable(names.length, rows, unlabelled) : adviseObjects(names, unlabelled),
  })
}

/** Proposes numbers: of the column with the longest cells for the texts, and of the one with the fewest values. */
function adviseTable(width: number, rows: readonly (readonly string[])[], unlabelled = false): string {
  // The first row may be a header, whose cells are all different.
  const sample = rows.length > 2 ? rows.slice(1) : rows
  const columns = Array.from({ length: width }, (_, index) => {
    const cells = sample.map((row) => row[index] ?? '')
    const isFull = cells.every((cell) => cell !== '')
    return { number: index + 1, characters: cells.join('').length, values: new Set(cells).size, isFull }
  })
  const [text, ...others] = columns.toSorted((a, b) => b.characters - a.characters)
  const labels = others
    .filter(({ isFull, values }) => isFull && values > 1)
    .toSorted((a, b) => a.values - b.values || a.characters - b.characters)
  const [label] = [...labels, ...others]
  const numbers = `--text-column ${text.number}${unlabelled || !label ? '' : ` --label-column ${label.number}`}`
  const names = unlabelled ? '--text-column NAME' : '--text-column NAME --label-column NAME'
  return `If that line names the columns, choose with ${names}. If it is a review already, give their numbers, such as ${numbers}. In a request, the fields are text_column and label_column.`
}

/** Proposes the paths that end with a usual name. */
function adviseObjects(paths: readonly string[], unlabelled = false): string {
  const find = (usual: readonly string[], other: string) =>
    paths.find((path) => findUsual([path.slice(path.lastIndexOf('.') + 1)], usual) !== undefined) ?? other
  const text = find(TEXT_NAMES, 'NAME')
  const label = unlabelled ? '' : ` --label-column ${find(LABEL_NAMES, 'NAME')}`
  return `Choose with --text-column ${text}${label}, or with the fields text_column and label_column of a request. A dot leads into an object: review.text.`
}
