import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/entry.ts'
import { peersHidden } from '../peers.ts'

/**
 * The Python libraries that Graft exchanges folders with, and Captum, which explains predictions: where their packages
 * are, and how to install them.
 */
const installations = {
  peft: { folder: 'bench/peers', package: 'peft', setup: 'bench/peers/setup.sh' },
  adapterhub: { folder: 'test/libraries/adapterhub', package: 'adapters', setup: 'test/libraries/setup.sh' },
  captum: { folder: 'test/libraries/captum', package: 'captum', setup: 'test/libraries/setup.sh' },
  opendelta: { folder: 'test/libraries/opendelta', package: 'opendelta', setup: 'test/libraries/setup.sh' },
}

/** The folder of the programs in Python. */
const scripts = join(packageRoot, 'test/libraries')

export type Library = keyof typeof installations

/** Ends the name of a test that needs a library: empty if it is installed, or else why the test is skipped. */
export function without(library: Library): string {
  const { folder, package: name, setup } = installations[library]
  const pattern = `.venv/lib/python*/site-packages/${name}/__init__.py`
  const isInstalled = !peersHidden && globSync(pattern, { cwd: join(packageRoot, folder) }).length > 0
  return isInstalled ? '' : ` (skipped: no ${name} in ${folder}/.venv; ${setup} installs it)`
}

export type LibraryNumbers = Record<string, { logits: number[][][]; loss: number }>

/**
 * Loads folders in their library, on a base. Returns the library's numbers for each folder and each batch of a JSON
 * file. Rejects if tensors are missing or unexpected.
 */
export async function inLibrary(
  library: Library,
  base: string,
  inputs: string,
  folders: readonly string[],
): Promise<Record<string, LibraryNumbers>> {
  const out = `${folders[0]}.json`
  const args = [join(scripts, 'check.py'), library, base, inputs, out, ...folders]
  await runPython(library, args)
  return JSON.parse(readFileSync(out, 'utf8'))
}

/** Runs Python in the environment of a library, without the hub unless `more` says so. Returns what it prints. */
export async function runPython(
  library: Library,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const python = join(packageRoot, installations[library].folder, '.venv/bin/python')
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    OMP_NUM_THREADS: '1',
    CUDA_VISIBLE_DEVICES: '',
    PYTHONPATH: scripts,
    ...more,
  }
  const { stdout } = await promisify(execFile)(python, args, { env, maxBuffer: 2 ** 26 })
  return stdout
}

/** The tolerances of the golden numbers in test/fixtures/parity, for float32. */
export const TOLERANCE = { logits: 5e-5, loss: 1e-5 }

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`)
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0)
}
