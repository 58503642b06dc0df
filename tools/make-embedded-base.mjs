// node tools/make-embedded-base.mjs SOURCE_DIR: creates base/ from the folder of a T5 in float32. The weights are
// rounded to bfloat16, which halves the size of the file. The tokenizer and the configuration are copied.
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeSafetensors, readSafetensors } from '../checkpoint/safetensors.ts'

const source = process.argv[2]
if (!source) {
  console.error('usage: node tools/make-embedded-base.mjs SOURCE_DIR')
  process.exit(2)
}
const target = join(import.meta.dirname, '..', 'base')
const MAX_BYTES = 12_000_000

const description = {
  name: 'graft-base',
  label_words: { negative: 'worst', positive: 'excellent' },
  source:
    'Made for Graft from the texts of the IMDB reviews (Maas et al. 2011), train and unsup parts, without any label; see README.md',
  licence: 'Apache-2.0, as the rest of this repository',
}

await mkdir(target, { recursive: true })
const { tensors, metadata } = await readSafetensors(join(source, 'model.safetensors'))
await writeFile(join(target, 'model.safetensors'), encodeSafetensors(tensors, { metadata, dtype: 'BF16' }))
for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
  await copyFile(join(source, name), join(target, name))
await writeFile(join(target, 'graft-base.json'), `${JSON.stringify(description, null, 2)}\n`)

const files = ['model.safetensors', 'config.json', 'tokenizer.json', 'tokenizer_config.json', 'graft-base.json']
const sizes = await Promise.all(files.map(async (name) => (await stat(join(target, name))).size))
const total = sizes.reduce((a, b) => a + b, 0)
for (const [i, name] of files.entries()) console.log(String(sizes[i]).padStart(10), name)
console.log(String(total).padStart(10), 'total')
if (total > MAX_BYTES) {
  console.error(`base/ has ${total} bytes, but at most ${MAX_BYTES} are allowed`)
  process.exit(1)
}
