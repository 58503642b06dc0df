import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { graft } from '../cli/run.ts'
import { snapshotFolder } from './folder-snapshot.ts'

const run = (program: string, ...args: string[]) => execFileSync(program, args, { stdio: 'ignore' })

const disks: string[] = []
afterEach(() => {
  for (const disk of disks.splice(0)) run('umount', disk)
})

/** Mounts a disk of this size. @returns undefined if this process may not mount one */
function mountDisk(kilobytes: number): string | undefined {
  const folder = freshPath('disk')
  mkdirSync(folder, { recursive: true })
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder)
  } catch {
    return undefined
  }
  disks.push(folder)
  return folder
}

const probed = mountDisk(16)
const skipReason = probed ? '' : ' (skipped: this process may not mount a disk)'
if (probed) run('umount', disks.pop() as string)

describe.skipIf(skipReason)(`a full disk${skipReason}`, () => {
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
    const folder = mountDisk(200) as string
    const { code, stderr, stdout } = await graft('train', ...training, '--out', join(folder, 'out'))
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/The disk is full.*could not be written because the disk is full.*Free some space/s)
    expect(snapshotFolder(folder)).toEqual([])
  })

  test('while the checkpoint is written loses nothing: once there is room, --resume completes the training', async () => {
    const folder = mountDisk(500) as string
    const out = join(folder, 'out')
    const { code, stderr } = await graft('train', ...training, '--out', out)
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/The disk is full\.\n {2}\S*\/out\W.*\n/)
    expect(existsSync(out)).toBe(false)
    run('mount', '-o', 'remount,size=4m', folder)
    const resumed = await graft('train', '--resume', '--out', out, '--json')
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(JSON.parse(resumed.stdout)).toMatchObject({ steps: 2, checkpoint: out })
    expect(snapshotFolder(folder).map(([name]) => name)).toEqual([
      'out',
      'out/adapter_config.json',
      'out/adapter_model.safetensors',
      'out/graft.json',
    ])
  })
})
