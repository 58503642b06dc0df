import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { train } from '../../cli/commands/train.ts'
import { packageRoot } from '../../core/entry.ts'
import { expectError, freshPath } from '../checkpoint/helpers.ts'
import { tinyBase } from '../training/tiny.ts'
import { graft, runInProcess } from './run.ts'

const data = join(packageRoot, 'samples/train.jsonl')

test('graft train --profile prints where the time of a step goes and writes only the flame graph', async () => {
  const out = freshPath('film-lora')
  const { code, stdout, stderr } = await graft('train', '--data', data, '--out', out, '--threads', '1', '--profile')
  expect(code, stderr).toBe(0)
  expect(stdout).toMatch(/^A step takes [\d.]+ ms on 1 thread \(cpu\): mean of 3 steps with \d+ reviews each\.\n/)
  expect(stdout).toMatch(/\nFusedMatMul +\d+\.\d\d % +[\d.]+ +\d+ +[\d.]+\n/)
  expect(stdout).toMatch(/\nencoder\.block\.1\.layer\.0\.SelfAttention +\d+\.\d\d % +[\d.]+ +[\d.]+ +[\d.]+\n/)
  expect(stdout).toMatch(/\n\(no run\) +\d/)
  expect(JSON.parse(readFileSync(`${out}.speedscope.json`, 'utf8')).exporter).toBe('graft')
  expect(existsSync(out)).toBe(false)
})

test('with --json it prints one document with the same numbers', async () => {
  const out = freshPath('tiny')
  const args = ['--base', tinyBase(), '--data', data, '--out', out, '--threads', '1', '--max-tokens', '16']
  const printed = await runInProcess(train, ...args, '--profile', '--json')
  const profile = JSON.parse(printed)
  expect(printed.trimEnd().split('\n')).toHaveLength(1)
  expect(profile).toMatchObject({ file: `${out}.speedscope.json`, steps: 3, threads: 1, device: 'cpu' })
  expect(profile.by_layer.map(({ layer }: { layer: string }) => layer)).toContain('loss')
})

test.each([
  ['--plan', ['--plan']],
  ['--resume', ['--resume']],
])('--profile cannot be combined with %s', async (_, flags) => {
  const out = freshPath('refused')
  const refused = runInProcess(
    train,
    ...(flags[0] === '--plan' ? ['--data', data] : []),
    '--out',
    out,
    ...flags,
    '--profile',
  )
  await expectError(refused, 'usage', '--profile')
  expect(existsSync(`${out}.speedscope.json`)).toBe(false)
})
