import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { fail, GraftError } from '../../core/errors.ts'
import { nameOfFile } from '../../platform/offline/dataset-names.ts'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import { type Api, getJson, upload } from './api.ts'

/** Uploads a file of reviews under a name. @throws GraftError `file_missing`, `name_taken`, what is wrong with the file */
export const uploadFile = (api: Api, path: string, name: string): Promise<Dataset> =>
  upload(api, `/v1/datasets?name=${encodeURIComponent(name)}`, 'application/octet-stream', createReadStream(path))

/** The data set of a file: named by the file and its content, so that the same one is uploaded once. */
export async function datasetOfFile(api: Api, path: string): Promise<Dataset> {
  const digest = await digestOf(path)
  const name = nameOfFile(path, digest.slice(0, 12))
  try {
    return await uploadFile(api, path, name)
  } catch (error) {
    if (!(error instanceof GraftError && error.code === 'name_taken')) throw error
    return getJson<Dataset>(api, `/v1/datasets/${name}`)
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of createReadStream(path)) hash.update(piece)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    fail(
      'file_missing',
      {
        subject: path,
        expected: 'a file of reviews',
        found: code === 'ENOENT' ? 'no such file' : message,
        fix: 'Check the path.',
      },
      error,
    )
  }
  return hash.digest('hex')
}
