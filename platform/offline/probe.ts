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
  /** An adapter's folder; the base alone, all of it trained, where absent. */
  checkpoint?: string
  /** A JSON file of batches. */
  inputs: string
  /** The safetensors file to write. */
  out: string
  /** A JSON file of hyperparameters: train on the inputs' `trajectory_steps` and write the tensors that result. */
  train?: string
  device: DeviceKind
}

/** Writes numbers to compare with another implementation. */
export async function probeFiles({
  base: folder,
  checkpoint,
  inputs,
  out,
  train,
  device,
}: ProbeRequest): Promise<void> {
  if (!existsSync(dirname(resolve(out))))
    fail('file_missing', {
      subject: dirname(out),
      expected: 'a folder to write to',
      found: 'nothing',
      fix: 'Make it, or name another file.',
    })
  await chooseDevice(device, 'f32')
  const base = await loadBase(folder)
  const adapter = checkpoint === undefined ? undefined : await loadAdapter(checkpoint, base)
  const json = await readJson(inputs)
  const tensors = train
    ? await probeTrajectory(base, adapter, json, await readJson(train), inputs, device)
    : await probe(base, adapter, json, inputs, device)
  writeWhole(out, Buffer.concat(encodeSafetensors(tensors)))
}

/** Whole or not at all: a full disk must not leave half a file, nor cost the one that was there. */
function writeWhole(path: string, data: Uint8Array): void {
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
        expected: 'a JSON file',
        found: error.code === 'ENOENT' ? 'no such file' : error.code,
        fix: 'Check the path.',
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
