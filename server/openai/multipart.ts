import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Busboy, type BusboyFileStream } from '@fastify/busboy'
import { fail, GraftError } from '../../core/errors.ts'
import { isPrintable } from '../../core/label-rule.ts'

export interface Form<File> {
  fields: Readonly<Record<string, string>>
  /** Not set if the form has no file in the requested field. */
  file?: { filename: string; saved: File }
}

const FORM_LIMITS = { fields: 20, files: 1, fieldSize: 1000, headerPairs: 20, headerSize: 8192 }

/**
 * Reads a form (RFC 7578) as it arrives.
 * @param fileField the name of the field that holds the file
 * @param save reads the bytes of the file to their end; its error is thrown after the form has been read
 * @throws GraftError `body_invalid` if the body is not such a form, and the errors of reading the body
 */
export async function readForm<File>(
  contentType: string | null,
  body: AsyncIterable<Uint8Array>,
  fileField: string,
  save: (content: AsyncIterable<Uint8Array>) => Promise<File>,
): Promise<Form<File>> {
  // A client may name a field __proto__.
  const fields: Record<string, string> = Object.create(null)
  let file: { filename: string; content: BusboyFileStream; saved: Promise<File> } | undefined
  const form = createParser(contentType)
  form.on('field', (field, value) => {
    fields[field] = value
  })
  form.on('file', (field, content, filename) => {
    // Errors reach the reader of the content and the await below. Without these handlers, a form that ends early would
    // end the process, also if nobody reads the file.
    content.on('error', () => {})
    if (field !== fileField || file) return void content.resume()
    file = { filename, content, saved: saveFile(filename, content, save) }
    file.saved.catch(() => {})
  })
  try {
    await pipeline(Readable.from(body), form)
  } catch (error) {
    file?.content.destroy(error as Error)
    if (error instanceof GraftError) throw error
    throwInvalidForm(error instanceof Error ? error.message : String(error))
  }
  return { fields, ...(file && { file: { filename: file.filename, saved: await file.saved } }) }
}

/** Saves the file, and discards what `save` leaves unread, which would block the rest of the form. */
async function saveFile<File>(
  filename: string | undefined,
  content: BusboyFileStream,
  save: (content: AsyncIterable<Uint8Array>) => Promise<File>,
): Promise<File> {
  try {
    requireFilename(filename ?? '')
    return await save(content)
  } finally {
    content.resume()
  }
}

const MAX_FILENAME_CHARACTERS = 255

/** Lists show the name of a file, to people and to agents. */
function requireFilename(filename: string): void {
  if (filename.length <= MAX_FILENAME_CHARACTERS && isPrintable(filename)) return
  fail('body_invalid', {
    subject: 'the filename',
    expected: `1 to ${MAX_FILENAME_CHARACTERS} printable characters`,
    found:
      filename.length > MAX_FILENAME_CHARACTERS ? `${filename.length} of them` : 'one that cannot be printed, or none',
    fix: 'Rename the file. With curl, -F "file=@train.jsonl;filename=NAME" sends it under another name.',
  })
}

function createParser(contentType: string | null) {
  try {
    return new Busboy({ headers: { 'content-type': contentType ?? '' }, limits: FORM_LIMITS })
  } catch (error) {
    return throwInvalidForm((error as Error).message)
  }
}

function throwInvalidForm(reason: string): never {
  fail('body_invalid', {
    subject: 'the body',
    problem: `is not a valid form (multipart/form-data): ${reason}`,
    fix: 'With curl, use -F purpose=fine-tune -F file=@train.jsonl.',
  })
}
