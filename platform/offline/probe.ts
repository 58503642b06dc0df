import { existsSync, renameSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { writeDurably } from '../../core/durable.ts'
import { fail } from '../../core/errors.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { probe, probeTrajectory } from '../../training/probe.ts'

export interface ProbeRequest {
  base: string
  /** The folder of an adapter. If not set, the base itself is probed, with all of its weights trained. */
  checkpoint?: string
  /** A JSON file of batches. */
  inputs: string
  /** The safetensors file to write. */
  out: string
  /**
   * A JSON file of hyperparameters. If set, trains on the `trajectory_steps` of the inputs and writes the resulting
   * tensors.
   */
  train?: string
  device: DeviceKind
}

/** Writes logits, losses and gradients to a file, to compare them with another implementation. */
export async function writeProbe({
  base: folder,
  checkpoint,
  inputs,
  out,
  train,
  device,
}: ProbeRequest): Promise<void> {
  if (!existsSync(dirname(resolve(out))))
    fail('file_missing', {
      subject: `the folder ${dirname(out)}`,
      problem: 'does not exist',
      fix: 'Create it, or choose another file.',
    })
  await chooseDevice(device, 'f32')
  const base = await loadBase(folder)
  const adapter = checkpoint === undefined ? undefined : await loadAdapter(checkpoint, base)
  const json = await readJson(inputs)
  const tensors = train
    ? await probeTrajectory(base, adapter, json, await readJson(train), inputs, device)
    : await probe(base, adapter, json, inputs, device)
  writeAtomically(out, Buffer.concat(encodeSafetensors(tensors)))
}

/** Writes the whole file or nothing. A full disk leaves no partial file, and keeps the existing file. */
function writeAtomically(path: string, data: Uint8Array): void {
  const partial = `${path}.${process.pid}.partial`
  try {
    writeDurably(partial, data)
    renameSync(partial, path)
  } catch (error) {
    rmSync(partial, { force: true })
    throw error
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error) =>
    fail(
      'file_missing',
      {
        subject: path,
        problem: error.code === 'ENOENT' ? 'does not exist' : `could not be read (${error.code})`,
        fix: 'Check the path of the JSON file.',
      },
      error,
    ),
  )
  try {
    return JSON.parse(text)
  } catch (error) {
    return fail('data_format', {
      subject: path,
      expected: 'JSON',
      found: (error as Error).message,
      fix: 'Fix the file.',
    })
  }
}
