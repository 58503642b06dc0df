import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseTrainingSpec } from '../../../training/spec.ts'
import { resumeSpec } from '../../../training/state/resume-spec.ts'
import { expectError, freshPath } from '../../checkpoint/helpers.ts'

const settings = { data: 'train.jsonl', method: 'lora', rank: 4, epochs: 2, label_words: { b: 'x', a: 'y' }, seed: 7 }
let out: string
beforeAll(() => {
  out = freshPath('out')
  const folder = `${out}.training`
  mkdirSync(folder, { recursive: true })
  const spec = parseTrainingSpec({ ...settings, out })
  writeFileSync(join(folder, 'training.json'), JSON.stringify({ identity: 'any', spec }))
})

const resume = async (given: Record<string, unknown>) => resumeSpec({ out, ...given })

describe('a training is resumed', () => {
  test('without any setting, with its own, and with defaults', async () => {
    const spec = parseTrainingSpec({ ...settings, out })
    expect(await resume({})).toEqual(spec)
    expect(await resume(settings)).toEqual(spec)
    expect(await resume({ alpha: 16, max_tokens: 512, targets: ['q', 'v'] })).toEqual(spec)
  })

  test('on other threads, another device, and from another place', async () => {
    const changed = { threads: 1, device: 'cpu', save_seconds: 5, data: '/elsewhere/train.jsonl' }
    expect(await resume(changed)).toMatchObject({ ...changed, epochs: 2, method: { method: 'lora', rank: 4 } })
  })
})

describe('a setting that differs is refused by its name', () => {
  test.each([
    ['rank', 8, 'the number 4', 'the number 8'],
    ['method', 'bottleneck', '"lora"', '"bottleneck"'],
    ['seed', 0, 'the number 7', 'the number 0'],
    ['epochs', 3, 'the number 2', 'the number 3'],
    ['steps', 10, 'no value', 'the number 10'],
    ['bottleneck', 8, 'no value', 'the number 8'],
    ['label_words', { a: 'y', b: 'z' }, 'an object', 'an object'],
  ])('%s', async (field, value, before, found) => {
    await expectError(resume({ [field]: value }), 'usage', `${field}: expected ${before}`, `found ${found}`)
  })

  test('also an invalid value of a setting that may change', async () => {
    await expectError(resume({ threads: 0 }), 'usage', 'threads')
  })

  test('and without the folder of a training, there is nothing to resume', async () => {
    await expectError(resume({ out: undefined }), 'usage', 'out is required')
    await expectError(resume({ out: freshPath() }), 'file_missing', '.training')
  })
})
