import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { export as exportAdapter } from '../../cli/commands/export.ts'
import { inspect } from '../../cli/commands/inspect.ts'
import { expectError, freshPath, parityPath } from '../checkpoint/helpers.ts'
import { tinyBase } from '../training/tiny.ts'
import { runInProcess } from './run.ts'

const BASE = ['--base', parityPath('tiny-t5')]
const LORA = parityPath('opendelta/lora_r8_qv_with_cross/checkpoint')

test('an adapter of OpenDelta becomes one of PEFT, as inspection shows', async () => {
  const out = freshPath()
  expect(await runInProcess(exportAdapter, LORA, '--format', 'peft', '--out', out, ...BASE)).toContain(
    `${out}: lora in the layout peft, with the same logits as ${LORA}`,
  )
  expect(readdirSync(out).sort()).toEqual([
    'README.md',
    'adapter_config.json',
    'adapter_model.safetensors',
    'graft.json',
  ])
  const before = await runInProcess(inspect, LORA, ...BASE)
  expect(before).toMatch(/^library +OpenDelta 0\.3\.0$/m)
  expect(before).toMatch(/^method +lora rank=8 alpha=16 targets=q,v/m)
  expect(before).toMatch(/^on tiny-t5 +loads$/m)
  expect(await runInProcess(inspect, out, ...BASE)).toMatch(/^library +PEFT 0\.21\.2$/m)
})

test('a model for transformers.js is reported with what became of the adapter and of int8 weights', async () => {
  const base = tinyBase()
  const out = freshPath()
  const lines = await runInProcess(exportAdapter, LORA, '--format', 'onnx', '--out', out, '--base', base)
  expect(lines).toContain(`${out}: lora, merged into the weights, for transformers.js`)
  expect(lines).toMatch(/^int8: a logit changes by at most \d\.\d+$/m)
  expect(readdirSync(join(out, 'onnx'))).toContain('decoder_model_merged_quantized.onnx')
  const again = await runInProcess(
    exportAdapter,
    LORA,
    '--format',
    'onnx',
    '--out',
    freshPath(),
    '--base',
    base,
    '--json',
  )
  expect(JSON.parse(again)).toMatchObject({ layout: 'onnx', method: { method: 'lora' }, onnx: { merged: true } })
})

test('an unknown format, a missing folder and no folder are reported', async () => {
  await expectError(runInProcess(exportAdapter, LORA, '--format', 'onyx', '--out', freshPath()), 'usage', 'peft')
  await expectError(runInProcess(inspect, '/nowhere', ...BASE), 'file_missing', '/nowhere')
  await expectError(runInProcess(inspect, ...BASE), 'usage', 'the folder of an adapter or a model')
})
