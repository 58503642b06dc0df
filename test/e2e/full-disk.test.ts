import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { graft } from '../cli/run.ts'
import { everythingIn } from './everything-in.ts'

const run = (program: string, ...args: string[]) => execFileSync(program, args, { stdio: 'ignore' })

const disks: string[] = []
afterEach(() => {
  for (const disk of disks.splice(0)) run('umount', disk)
})

/** A disk of so many kilobytes; undefined where this process may not mount one. */
function disk(kilobytes: number): string | undefined {
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

const probed = disk(16)
const without = probed ? '' : ' (skipped: a small disk may not be mounted here)'
if (probed) run('umount', disks.pop() as string)

describe.skipIf(without)(`a disk that is full${without}`, () => {
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

  test('when the first state is saved ends the training with 1, and leaves nothing', async () => {
    const folder = disk(200) as string
    const { code, stderr, stdout } = await graft('train', ...training, '--out', join(folder, 'out'))
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/The disk is full.*room.*Free some space/s)
    expect(everythingIn(folder)).toEqual([])
  })

  test('when the checkpoint is written costs nothing: with room, --resume ends the training', async () => {
    const folder = disk(500) as string
    const out = join(folder, 'out')
    const { code, stderr } = await graft('train', ...training, '--out', out)
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/The disk is full.*out\n/s)
    expect(existsSync(out)).toBe(false)
    run('mount', '-o', 'remount,size=4m', folder)
    const resumed = await graft('train', '--resume', '--out', out, '--json')
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(JSON.parse(resumed.stdout)).toMatchObject({ steps: 2, checkpoint: out })
    expect(everythingIn(folder).map(([name]) => name)).toEqual([
      'out',
      'out/adapter_config.json',
      'out/adapter_model.safetensors',
      'out/graft.json',
    ])
  })
})
