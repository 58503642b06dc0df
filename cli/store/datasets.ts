import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { fail, GraftError } from '../../core/errors.ts'
import { datasetNameOf } from '../../platform/schemas/dataset-name.ts'
import type { Dataset, DatasetReading } from '../../platform/schemas/datasets.ts'
import { readingOf } from '../../training/data/reading.ts'
import type { Api } from './api.ts'

/** Uploads a file of reviews under a name. @throws GraftError `name_taken`, or another code if the file is invalid */
export const uploadFile = (api: Api, path: string, name: string, reading: DatasetReading = {}): Promise<Dataset> =>
  api.datasets.upload(name, Readable.toWeb(createReadStream(path)) as ReadableStream, reading)

/**
 * Returns the data set of a file. Uploads the file unless a data set with the same name, contents and way of reading
 * exists.
 */
export async function ensureDataset(api: Api, path: string, requested: DatasetReading = {}): Promise<Dataset> {
  const reading = readingOf(requested)
  const fileDigest = await digestFile(path)
  const isPlain = Object.keys(reading).length === 0
  const digest = isPlain ? fileDigest : hash('sha256', `${fileDigest} ${JSON.stringify(reading)}`)
  const name = datasetNameOf(path, digest.slice(0, 12))
  try {
    return await uploadFile(api, path, name, reading)
  } catch (error) {
    if (!(error instanceof GraftError && error.code === 'name_taken')) throw error
    return api.datasets.get(name)
  }
}

async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    fail(
      'file_missing',
      {
        subject: path,
        problem: code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`,
        fix: 'Check the path.',
      },
      error,
    )
  }
  return hash.digest('hex')
}
