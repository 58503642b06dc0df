import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { graft } from '../cli/run.ts'
import { snapshotFolder } from './folder-snapshot.ts'
import { mountDisk, resizeDisk, unmountDisks, whyNoDisks } from './small-disk.ts'

afterEach(unmountDisks)

describe.skipIf(whyNoDisks)(`a full disk${whyNoDisks}`, () => {
  const training = [
    '--data',
    join(packageRoot, 'samples/train.jsonl'),
    '--steps',
    '2',
    '--batch-tokens',
    '256',
    '--threads',
    '1',
  ]

  test('while the first state is saved ends the training with 1 and leaves nothing', async () => {
    const folder = mountDisk(200)
    const { code, stderr, stdout } = await graft('train', ...training, '--out', join(folder, 'out'))
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/The disk is full.*could not be written because the disk is full.*Free some space/s)
    expect(snapshotFolder(folder)).toEqual([])
  })

  test('while the checkpoint is written loses nothing: once there is room, --resume completes the training', async () => {
    const folder = mountDisk(700)
    const out = join(folder, 'out')
    const { code, stderr } = await graft('train', ...training, '--out', out)
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/The disk is full\.\n {2}\S*\/out\W.*\n/)
    expect(existsSync(out)).toBe(false)
    resizeDisk(folder, 4096)
    const resumed = await graft('train', '--resume', '--out', out, '--json')
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(JSON.parse(resumed.stdout)).toMatchObject({ steps: 2, checkpoint: out })
    expect(snapshotFolder(folder).map(([name]) => name)).toEqual([
      'out',
      'out/README.md',
      'out/adapter_config.json',
      'out/adapter_model.safetensors',
      'out/graft.json',
      'out/training.svg',
    ])
  })
})
