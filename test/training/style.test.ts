import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { packageRoot } from '../../core/entry.ts'
import { parseTrainingSpec } from '../../training/spec.ts'
import { train } from '../../training/train.ts'
import { freshPath } from '../checkpoint/helpers.ts'

const spec = (settings: object) => parseTrainingSpec({ data: 'x', out: 'y', ...settings })

test.each<[object, object]>([
  [{ style: 'opendelta' }, { method: 'lora', targets: ['SelfAttention.q', 'SelfAttention.v'] }],
  [
    { style: 'opendelta', targets: ['q'] },
    { method: 'lora', targets: ['q'] },
  ],
  [{ style: 'opendelta', method: 'bottleneck' }, { variant: 'opendelta' }],
  [{ style: 'adapterhub', method: 'bottleneck' }, { variant: 'seq_bn' }],
  [
    { style: 'peft', dora: true },
    { method: 'lora', dora: true, targets: ['q', 'v'] },
  ],
  [{}, { method: 'lora', targets: ['q', 'v'] }],
])('the settings %j train %j', (settings, method) => {
  expect(spec(settings).method).toMatchObject(method)
})

test.each<[object, string]>([
  [{ style: 'peft', method: 'bottleneck' }, 'PEFT layout, method'],
  [{ style: 'adapterhub', targets: ['wo'] }, 'AdapterHub layout, targets'],
  [{ style: 'adapterhub', dora: true }, 'dora'],
  [{ style: 'opendelta', method: 'bottleneck', variant: 'seq_bn' }, 'only they read f'],
  [{ style: 'opendelta', method: 'prefix' }, 'OpenDelta layout, method'],
  [{ style: 'adapterhub', method: 'full' }, 'AdapterHub layout, method'],
  [{ style: 'keras' }, 'style'],
])('the settings %j are refused before anything is trained', (settings, message) => {
  expect(() => spec(settings)).toThrow(message)
})

test("a training in OpenDelta's style writes a folder of OpenDelta", async () => {
  const out = freshPath('delta')
  const settings = { style: 'opendelta', method: 'bottleneck', bottleneck: 4, steps: 2, batch_tokens: 256, threads: 1 }
  const requested = spec({ ...settings, data: join(packageRoot, 'samples/train.jsonl'), out, device: 'cpu' })
  await train(requested, () => {}, new AbortController().signal, false)
  expect(readdirSync(out).sort()).toEqual([
    'README.md',
    'config.json',
    'graft.json',
    'pytorch_model.bin',
    'training.svg',
  ])
  expect(await loadAdapter(out, await loadBase(embeddedBase))).toMatchObject({
    layout: 'opendelta',
    method: { method: 'bottleneck', variant: 'opendelta', bottleneck: 4 },
  })
})
