import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../core/entry.ts'
import { peersHidden } from './peers.ts'

const peers = join(packageRoot, 'bench/peers')
const python = join(peers, '.venv/bin/python')
const installed =
  !peersHidden && globSync('.venv/lib/python*/site-packages/peft/__init__.py', { cwd: peers }).length > 0

/** Ends the name of a test that needs the real PEFT: empty where it is there, else why the test is skipped. */
export const withoutPeft: string = installed
  ? ''
  : ' (skipped: no PEFT in bench/peers/.venv; bench/peers/setup.sh installs it)'

export type PeftNumbers = Record<string, { logits: number[][][]; loss: number }>

/** Runs the real PEFT with a folder on a base. Returns its numbers for each batch of a JSON file. */
export async function inPeft(base: string, adapter: string, inputs: string): Promise<PeftNumbers> {
  const out = `${adapter}.json`
  const env = { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1', CUDA_VISIBLE_DEVICES: '' }
  await promisify(execFile)(python, [join(peers, 'check_peft.py'), base, adapter, inputs, out], { env })
  return JSON.parse(readFileSync(out, 'utf8')) as PeftNumbers
}

const LOAD = `import json, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
print(json.dumps({name: [list(t.shape), t.flatten().tolist()] for name, t in state.items()}))`

/** Reads a file with the real torch, which accepts nothing but tensors. Returns shapes and numbers by their names. */
export async function inTorch(path: string): Promise<Record<string, [shape: number[], numbers: number[]]>> {
  const { stdout } = await promisify(execFile)(python, ['-c', LOAD, path], { maxBuffer: 2 ** 26 })
  return JSON.parse(stdout)
}

/** The tolerances of the golden numbers in test/fixtures/parity, for float32. */
export const TOLERANCE = { logits: 5e-5, loss: 1e-5 }

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`)
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0)
}
