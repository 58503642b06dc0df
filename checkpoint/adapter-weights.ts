import { join } from 'node:path'
import { fail } from '../core/errors.ts'
import { listFolder } from './files.ts'
import { readSafetensors, type SafetensorsFile } from './safetensors.ts'

/**
 * Reads the tensors in the folder of an adapter.
 * @throws GraftError `file_missing`, `checkpoint_corrupt`, `checkpoint_tensors`
 */
export async function readAdapterWeights(dir: string, name: string): Promise<SafetensorsFile> {
  const present = await listFolder(dir)
  if (present.has(name)) return readSafetensors(join(dir, name))
  const pickled = [...present].find((file) => file.endsWith('.bin'))
  return fail('file_missing', {
    subject: join(dir, name),
    problem: pickled ? `does not exist; the weights are in ${pickled}, which Graft does not read` : 'does not exist',
    fix: pickled
      ? 'Save the adapter again in the safetensors format.'
      : 'Copy all files of the folder that the library saved.',
  })
}
