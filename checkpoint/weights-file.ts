import { join } from 'node:path'
import { fail } from '../core/errors.ts'
import { listFolder } from './files.ts'
import { readSafetensors, type SafetensorsFile } from './safetensors.ts'

/**
 * The tensors of an adapter's folder.
 * @throws GraftError `file_missing` where it lacks the file, `checkpoint_corrupt`, `checkpoint_tensors`
 */
export async function readAdapterWeights(dir: string, name: string): Promise<SafetensorsFile> {
  const present = await listFolder(dir)
  if (present.has(name)) return readSafetensors(join(dir, name))
  const pickled = [...present].find((file) => file.endsWith('.bin'))
  return fail('file_missing', {
    subject: join(dir, name),
    expected: 'the weights of the adapter',
    found: pickled ? `${pickled} alone` : 'no such file',
    fix: pickled ? 'Save the adapter again with safetensors.' : 'Give the whole folder that the library saved.',
  })
}
