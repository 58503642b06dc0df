// node tools/make-embedded-base.mjs SOURCE_DIR [OUT_DIR]: writes a base in float32 as a folder with int8 rows, which is
// a quarter of its size (docs/checkpoints.md). OUT_DIR defaults to base/. The same source gives the same bytes. Without
// a graft-base.json in the source, the one in OUT_DIR stays.
import { existsSync } from 'node:fs'
import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { readModelFolder } from '../checkpoint/model-folder.ts'
import { encodeSafetensors } from '../checkpoint/safetensors.ts'

const [source, target = embeddedBase] = process.argv.slice(2)
if (!source) {
  console.error('usage: node tools/make-embedded-base.mjs SOURCE_DIR [OUT_DIR]')
  process.exit(2)
}
const MAX_BYTES = 12_000_000
const WEIGHTS = 'model.safetensors'
const MANIFEST = 'graft-base.json'
const copied = ['config.json', 'tokenizer.json', 'tokenizer_config.json']
if (existsSync(join(source, MANIFEST))) copied.push(MANIFEST)
else if (!existsSync(join(target, MANIFEST))) exitWith(`neither ${source} nor ${target} contains ${MANIFEST}`)
for (const name of copied) if (!existsSync(join(source, name))) exitWith(`${source} does not contain ${name}`)

const { tensors, metadata } = await readModelFolder(source)
await mkdir(target, { recursive: true })
await writeFile(join(target, WEIGHTS), encodeSafetensors(tensors, { metadata, storage: 'int8_rows' }))
for (const name of copied) await copyFile(join(source, name), join(target, name))

const written = await loadBase(target)
const files = [...new Set([WEIGHTS, ...copied, MANIFEST])]
const sizes = await Promise.all(files.map(async (name) => (await stat(join(target, name))).size))
const total = sizes.reduce((a, b) => a + b, 0)
for (const [i, name] of files.entries()) console.log(String(sizes[i]).padStart(10), name)
console.log(String(total).padStart(10), 'total')
console.log(`relative root-mean-square error: ${relativeError(tensors, written.tensors).toFixed(5)}`)
console.log(`fingerprint: ${written.fingerprint}`)
if (total > MAX_BYTES) exitWith(`${target} has ${total} bytes, but at most ${MAX_BYTES} are allowed`)

function relativeError(before, after) {
  let [errors, squares] = [0, 0]
  for (const [name, { data }] of before) {
    const read = after.get(name)
    for (let i = 0; i < data.length; i++) {
      errors += (data[i] - read[i]) ** 2
      squares += data[i] ** 2
    }
  }
  return Math.sqrt(errors / squares)
}

function exitWith(problem) {
  console.error(problem)
  process.exit(1)
}
