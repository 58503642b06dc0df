import { isUtf8 } from 'node:buffer'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { fail } from '../../core/errors.ts'
import { reviewOfMessages } from './messages.ts'

export interface Review {
  /** The row's own id; the number of its line where it has none. */
  id: string
  text: string
  /** Empty where the row has none, which `unlabelled` allows. */
  label: string
}

export interface ReviewFile {
  reviews: Review[]
  skipped: { line: number; reason: string }[]
  /** Reviews whose text stood further up already. */
  duplicates: number
  /** SHA-256 of the file's bytes, hex. */
  sha256: string
  format: 'jsonl' | 'csv'
}

export interface ReadOptions {
  /** The labels allowed; any where absent. */
  labels?: readonly string[]
  /** Pass over rows that cannot be read, and say which. */
  skipBad?: boolean
  /** Rows need no label. */
  unlabelled?: boolean
}

/**
 * Reads reviews from JSON lines `{"text", "label", "id"?}`, from those of OpenAI's format (`{"messages": …}`), or from CSV (RFC 4180; or parted by tabs or semicolons) with a header that names
 * the columns text, label and perhaps id. Either may be compressed by gzip. The content decides what a file is, not its name.
 * @throws GraftError `file_missing`, `data_empty`, `data_format`, and with the number of the line `data_line` and `data_label`
 */
export async function readReviews(path: string, options: ReadOptions = {}): Promise<ReviewFile> {
  const hash = createHash('sha256')
  const file: Omit<ReviewFile, 'sha256' | 'format'> = { reviews: [], skipped: [], duplicates: 0 }
  const texts = new Set<string>()
  let reader: Reader | undefined

  const add = (row: Row) => {
    const checked = check(row, options)
    if ('text' in checked) {
      file.reviews.push(checked)
      if (texts.has(checked.text)) file.duplicates++
      else texts.add(checked.text)
    } else if (options.skipBad && !row.fatal) file.skipped.push({ line: row.line, reason: checked.found })
    else refuse(path, row.line, checked)
  }

  for await (const { line, bytes } of lines(contents(path, hash), path)) {
    const text = bytes.toString().replace(/^\ufeff|\r$/g, '')
    if (!reader) {
      if (text.trim() === '') continue
      reader = readerFor(text, path, options)
      if (reader.header) continue
    }
    const row = reader.take(line, text, isUtf8(bytes))
    if (row) add(row)
  }
  const last = reader?.end?.()
  if (last) add(last)
  if (file.reviews.length === 0) nothing(path, file.skipped)
  return { ...file, sha256: hash.digest('hex'), format: reader === jsonLines ? 'jsonl' : 'csv' }
}

/**
 * Training needs two classes or more.
 * @throws GraftError `data_classes`, with the count of each
 */
export function requireClasses(reviews: readonly Review[], path: string): void {
  const counts = new Map<string, number>()
  for (const { label } of reviews) counts.set(label, (counts.get(label) ?? 0) + 1)
  if (counts.size > 1) return
  fail('data_classes', {
    subject: path,
    expected: 'reviews of two labels or more',
    found: [...counts].map(([label, count]) => `${label} alone, ${count} times`).join() || 'none',
    fix: 'Add reviews of the other labels.',
  })
}

/** How many reviews of `test` have a text that stands in `train`, too: what a model has seen, it is not measured on. */
export function leakage(train: readonly Review[], test: readonly Review[]): number {
  const seen = new Set(train.map(({ text }) => text))
  return test.filter(({ text }) => seen.has(text)).length
}

/** A row as it stands in the file, or what is wrong with it. */
interface Row {
  line: number
  fields?: Readonly<Record<string, unknown>>
  bad?: string
  /** Where the next row begins is unknown: nothing can be skipped. */
  fatal?: boolean
}

interface Problem {
  code: 'data_line' | 'data_label'
  expected: string
  found: string
}

function check({ line, fields, bad }: Row, { labels, unlabelled = false }: ReadOptions): Review | Problem {
  const problem = (expected: string, found: string): Problem => ({ code: 'data_line', expected, found })
  if (!fields) return problem('a row with a text and a label', bad ?? 'none')
  const { id, text, label } = fields
  if (typeof text !== 'string')
    return problem('a text', text === undefined ? 'no text' : `${excerpt(text)} as its text`)
  if (text.trim() === '') return problem('a text', 'an empty text')
  if (!text.isWellFormed()) return problem('a text of whole characters', 'half of a surrogate pair in the text')
  const named = typeof label === 'number' ? String(label) : label
  if (typeof named !== 'string' || named.trim() === '') {
    if (!unlabelled) return problem('a label', label === undefined ? 'no label' : `${excerpt(label)} as its label`)
  } else if (labels && !labels.includes(named.trim())) {
    return {
      code: 'data_label',
      expected: `one of the labels ${labels.join(', ')}`,
      found: `the label ${excerpt(named.trim())}`,
    }
  }
  const own = typeof id === 'number' || (typeof id === 'string' && id !== '')
  return { id: String(own ? id : line), text, label: typeof named === 'string' ? named.trim() : '' }
}

/** Turns lines into rows. */
interface Reader {
  /** The first line was a header. */
  header: boolean
  take(line: number, text: string, valid: boolean): Row | undefined
  /** What is wrong with the end of the file. */
  end?(): Row | undefined
}

function readerFor(first: string, path: string, { skipBad, unlabelled }: ReadOptions): Reader {
  if (first.trimStart().startsWith('{')) return jsonLines
  for (const delimiter of [',', '\t', ';']) {
    const columns = parseCsv(first, delimiter)?.map((name) => name.trim().toLowerCase())
    if (columns?.includes('text') && (unlabelled || columns.includes('label'))) return csv(columns, delimiter)
  }
  if (skipBad && /\.(jsonl|ndjson)(\.gz)?$/.test(path)) return jsonLines
  const array = first.trimStart().startsWith('[')
  return format(path, {
    expected: 'JSON lines, {"text": …, "label": …}, or CSV with a header that names the columns text and label',
    found: array ? 'a JSON array' : `a first line that is neither: ${excerpt(first)}`,
    fix: array ? "Put one object on each line: jq -c '.[]' FILE > FILE.jsonl" : 'Write the reviews in one of the two.',
  })
}

const NOT_UTF8 = 'bytes that are not UTF-8 (iconv -f latin1 -t utf-8 converts from Latin-1)'

const jsonLines: Reader = {
  header: false,
  take(line, text, valid) {
    if (!valid) return { line, bad: NOT_UTF8 }
    if (text.trim() === '') return undefined
    try {
      const fields: unknown = JSON.parse(text)
      if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return rowOf(line, { ...fields })
    } catch {}
    return { line, bad: `what is no JSON object: ${excerpt(text)}` }
  },
}

function rowOf(line: number, { messages, ...fields }: Record<string, unknown>): Row {
  if (messages === undefined) return { line, fields }
  const review = reviewOfMessages(messages)
  return 'bad' in review ? { line, bad: review.bad } : { line, fields: { ...fields, ...review } }
}

function csv(columns: readonly string[], delimiter: string): Reader {
  let open: { line: number; text: string[]; length: number; quotes: number; valid: boolean } | undefined
  return {
    header: true,
    take(line, text, valid) {
      if (!open && text.trim() === '') return undefined
      open ??= { line, text: [], length: 0, quotes: 0, valid: true }
      open.text.push(text)
      open.length += text.length
      open.quotes += text.split('"').length - 1
      open.valid &&= valid
      if (open.length > LONGEST_ROW) return unclosed(open)
      // An odd number of quotes: one is open, and the row goes on.
      if (open.quotes % 2 === 1) return undefined
      const row = open
      open = undefined
      if (!row.valid) return { line: row.line, bad: NOT_UTF8 }
      const fields = parseCsv(row.text.join('\n'), delimiter)
      if (!fields)
        return { line: row.line, bad: `quotes in the wrong place: ${excerpt(row.text[0])}`, fatal: row.text.length > 1 }
      if (fields.length !== columns.length)
        return {
          line: row.line,
          bad: `${fields.length} columns where the header has ${columns.length}`,
          fatal: row.text.length > 1,
        }
      return { line: row.line, fields: Object.fromEntries(columns.map((name, i) => [name, fields[i]])) }
    },
    end: () => open && unclosed(open),
  }
}

const unclosed = ({ line }: { line: number }): Row => ({ line, bad: 'a quote that is never closed', fatal: true })

/** The fields of one row, or undefined where its quotes are wrong. */
function parseCsv(row: string, delimiter: string): string[] | undefined {
  const fields: string[] = []
  for (let at = 0; ; at++) {
    if (row[at] === '"') {
      let value = ''
      for (let from = at + 1; ; from = at + 1) {
        at = row.indexOf('"', from)
        if (at < 0) return undefined
        value += row.slice(from, at)
        if (row[++at] !== '"') break
        value += '"'
      }
      if (at < row.length && row[at] !== delimiter) return undefined
      fields.push(value)
    } else {
      const end = row.indexOf(delimiter, at)
      const value = row.slice(at, end < 0 ? row.length : end)
      if (value.includes('"')) return undefined
      fields.push(value)
      at += value.length
    }
    if (at >= row.length) return fields
  }
}

const LONGEST_ROW = 2 ** 24

async function* lines(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<{ line: number; bytes: Buffer }> {
  let line = 1
  let parts: Buffer[] = []
  let held = 0
  for await (const chunk of chunks) {
    if (line === 1 && chunk.includes(0))
      format(path, {
        expected: 'text in UTF-8',
        found: 'binary data, or text in UTF-16',
        fix: 'Give JSON lines or CSV, in UTF-8, perhaps compressed by gzip.',
      })
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, end)
      yield { line: line++, bytes: parts.length > 0 ? Buffer.concat([...parts, piece]) : piece }
      parts = []
      held = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    held += chunk.length - start
    if (held > LONGEST_ROW)
      format(`${path}, line ${line}`, {
        expected: `at most ${LONGEST_ROW} bytes on a line`,
        found: 'more',
        fix: 'Put each review on a line of its own.',
      })
  }
  if (held > 0) yield { line, bytes: Buffer.concat(parts) }
}

/** The file's bytes, decompressed; `hash` takes them as they stand on the disk. */
async function* contents(path: string, hash: Hash): AsyncGenerator<Buffer> {
  await requireFile(path)
  const stored = hashed(path, hash)
  const first = await stored.next()
  if (first.done) return
  const whole = (async function* () {
    yield first.value
    yield* stored
  })()
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) return yield* whole
  try {
    yield* pipeline(Readable.from(whole), createGunzip(), () => {}) as AsyncIterable<Buffer>
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (typeof code !== 'string' || !code.startsWith('Z_')) throw error
    const found = code === 'Z_BUF_ERROR' ? 'one that ends early' : 'a damaged one'
    format(path, { expected: 'a whole gzip file', found, fix: 'Copy or download it again; gzip -t tests it.' })
  }
}

async function* hashed(path: string, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 18 })) {
    hash.update(chunk)
    yield chunk
  }
}

async function requireFile(path: string): Promise<void> {
  const missing = (found: string) =>
    fail('file_missing', { subject: path, expected: 'a file of reviews', found, fix: 'Check the path.' })
  const found = await stat(path).catch(() => missing('no such file'))
  if (found.isDirectory()) format(path, { expected: 'a file of reviews', found: 'a folder', fix: 'Name a file in it.' })
  await access(path, constants.R_OK).catch(() => missing('one that may not be read'))
}

const excerpt = (value: unknown): string => {
  const shown = JSON.stringify(value)
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown
}

function refuse(path: string, line: number, { code, expected, found }: Problem): never {
  const fix = 'Fix the line; a training can pass over such lines when it is told to (skip_bad).'
  return fail(code, { subject: `${path}, line ${line}`, expected, found, fix })
}

function nothing(path: string, skipped: ReviewFile['skipped']): never {
  if (skipped.length > 0)
    format(path, {
      expected: 'rows with a text and a label',
      found: `none; line ${skipped[0].line} has ${skipped[0].reason}`,
      fix: 'Write the reviews as JSON lines or CSV.',
    })
  return fail('data_empty', { subject: path, expected: 'reviews', found: 'none', fix: 'Add some, one on each line.' })
}

function format(subject: string, detail: { expected: string; found: string; fix: string }): never {
  return fail('data_format', { subject, ...detail })
}
