import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyFileStream } from '@fastify/busboy'
import { fail, GraftError } from '../../core/errors.ts'

export interface Form<File> {
  fields: Readonly<Record<string, string>>
  /** Absent where the form has none of that name. */
  file?: { filename: string; kept: File }
}

const LIMITS = { fields: 20, files: 1, fieldSize: 1000, headerPairs: 20, headerSize: 8192 }

/**
 * Reads a form (RFC 7578) as it comes.
 * @param name of the field that holds the file
 * @param keep takes the file's bytes; what it throws is thrown in the end
 * @throws GraftError `body_invalid` for what is no such form, and what reading the body throws
 */
export async function readForm<File>(
  type: string | null,
  body: AsyncIterable<Uint8Array>,
  name: string,
  keep: (content: AsyncIterable<Uint8Array>) => Promise<File>,
): Promise<Form<File>> {
  const fields: Record<string, string> = {}
  let file: { filename: string; content: BusboyFileStream; kept: Promise<File> } | undefined
  const form = parserOf(type)
  form.on('field', (field, value) => {
    fields[field] = value
  })
  form.on('file', (field, content, filename) => {
    if (field !== name || file) return void content.resume()
    file = { filename, content, kept: kept(content, keep) }
    // Whoever reads it and whoever waits below is told; a form that ends early would tell nobody else, and end the process.
    content.on('error', () => {})
    file.kept.catch(() => {})
  })
  try {
    await pipeline(Readable.from(body), form)
  } catch (error) {
    file?.content.destroy(error as Error)
    if (error instanceof GraftError) throw error
    invalid(error instanceof Error ? error.message : String(error))
  }
  return { fields, ...(file && { file: { filename: file.filename, kept: await file.kept } }) }
}

/** What is not read to its end would hold back the rest of the form. */
async function kept<File>(
  content: BusboyFileStream,
  keep: (content: AsyncIterable<Uint8Array>) => Promise<File>,
): Promise<File> {
  try {
    return await keep(content)
  } finally {
    content.resume()
  }
}

function parserOf(type: string | null) {
  try {
    return new Busboy({ headers: { 'content-type': type ?? '' }, limits: LIMITS })
  } catch (error) {
    return invalid((error as Error).message)
  }
}

function invalid(found: string): never {
  fail('body_invalid', {
    subject: 'the body',
    expected: 'a form with a file and its purpose (multipart/form-data)',
    found,
    fix: 'With curl: -F purpose=fine-tune -F file=@train.jsonl.',
  })
}
