import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAdapter, saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { freshPath, randomAdapter, tinyT5 } from './helpers.ts'

const fields = {
  label_words: { negative: 'worst', positive: 'excellent' },
  labels: ['negative', 'positive'],
  temperature: 1.25,
  truncation: { max_tokens: 128, side: 'left' as const },
  metrics: { accuracy: 0.912, interval: [0.9, 0.92], n: 2000 },
  training: { curve: Array.from({ length: 25 }, (_, i) => ({ step: i + 1, loss: 1 / (i + 1) })) },
}

async function cardOf(config: { method: string }, layout?: string, hub?: { repo: string; commit: string }) {
  const base = { ...(await tinyT5()), ...(hub && { hub }) }
  const dir = freshPath()
  await saveAdapter(dir, { ...randomAdapter(config, base), layout }, base, fields)
  return readFileSync(join(dir, 'README.md'), 'utf8')
}

test('the card says what the adapter is, how accurate it is, and how it learned', async () => {
  const card = await cardOf({ method: 'lora' })
  expect(card).toContain('library_name: peft')
  expect(card).toContain('91.20 % of 2000 test texts')
  expect(card).toContain('95 % interval 90.00 % to 92.00 %')
  expect(card.match(/^\| \d+ \|/gm)).toHaveLength(9)
  expect(card).toContain('| 25 | 0.0400 |')
  expect(card).not.toContain('base_model')
})

test.each([
  ['peft', { method: 'lora' }, 'PeftModel.from_pretrained(model, "PATH_OF_THIS_FOLDER")'],
  ['adapterhub', { method: 'bottleneck' }, 'load_adapter("PATH_OF_THIS_FOLDER", use_safetensors=True)'],
  ['adapterhub-bin', { method: 'bottleneck' }, 'load_adapter("PATH_OF_THIS_FOLDER"))'],
  ['opendelta', { method: 'lora' }, 'AutoDeltaModel.from_finetuned("PATH_OF_THIS_FOLDER"'],
  ['full', { method: 'full' }, 'T5.from_pretrained("PATH_OF_THIS_FOLDER")'],
])('the card of %s loads the folder with its library', async (layout, config, line) => {
  const card = await cardOf(config, layout)
  expect(card).toContain(line)
  expect(card).toContain('(logits / 1.25).softmax(0)')
  expect(card).toContain('max_length=128')
})

test('on a base of the hub, PEFT finds the base by itself', async () => {
  const card = await cardOf({ method: 'lora' }, 'peft', { repo: 'google-t5/t5-small', commit: '0'.repeat(40) })
  expect(card).toContain('base_model: google-t5/t5-small')
  expect(card).toContain('AutoPeftModelForSeq2SeqLM.from_pretrained("PATH_OF_THIS_FOLDER")')
  expect(card).toContain('AutoTokenizer.from_pretrained("google-t5/t5-small", truncation_side="left")')
})

test('film has the card that saving it again gives', async () => {
  const base = await loadBase(embeddedBase)
  const dir = freshPath()
  await saveAdapter(dir, await loadAdapter(join(embeddedBase, 'film'), base), base)
  expect(readFileSync(join(dir, 'README.md'), 'utf8')).toBe(readFileSync(join(embeddedBase, 'film/README.md'), 'utf8'))
})
