import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { fail, GraftError } from '../../core/errors.ts'
import { datasetNameOf } from '../../platform/schemas/dataset-name.ts'
import type { Dataset } from '../../platform/schemas/datasets.ts'
import { type Api, getJson, upload } from './api.ts'

/** Uploads a file of reviews under a name. @throws GraftError `name_taken`, or another code if the file is invalid */
export const uploadFile = (api: Api, path: string, name: string): Promise<Dataset> =>
  upload(api, `/v1/datasets?name=${encodeURIComponent(name)}`, 'application/octet-stream', createReadStream(path))

/** Returns the data set of a file. Uploads the file unless a data set of the same name and digest exists. */
export async function ensureDataset(api: Api, path: string): Promise<Dataset> {
  const digest = await digestFile(path)
  const name = datasetNameOf(path, digest.slice(0, 12))
  try {
    return await uploadFile(api, path, name)
  } catch (error) {
    if (!(error instanceof GraftError && error.code === 'name_taken')) throw error
    return getJson<Dataset>(api, `/v1/datasets/${name}`)
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
