import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { loadBase } from '../../../checkpoint/base.ts'
import { snapshotFolder } from '../../../checkpoint/hub-name.ts'
import { packBase } from '../../../platform/artifacts/pack-base.ts'
import { packFolder } from '../../../platform/artifacts/pack-folder.ts'
import { unpackFolder } from '../../../platform/artifacts/unpack-folder.ts'
import { copyFolder, freshPath, parityPath, tinyT5 } from '../../checkpoint/helpers.ts'

const hub = { repo: 'owner/tiny', commit: 'a'.repeat(40) }

test('a base from the hub is packed without the files of other libraries, and keeps its origin', async () => {
  const dir = snapshotFolder(freshPath('cache'), hub)
  mkdirSync(dir, { recursive: true })
  for (const file of ['config.json', 'model.safetensors']) symlinkSync(parityPath(`tiny-t5/${file}`), join(dir, file))
  writeFileSync(join(dir, 'tf_model.h5'), 'tf')
  const base = await loadBase(dir)
  expect([base.name, base.hub]).toEqual(['owner/tiny', hub])

  const copy = freshPath('copy')
  await unpackFolder(await packBase(base), copy)
  expect(readdirSync(copy).sort()).toEqual(['config.json', 'graft-base.json', 'model.safetensors'])
  const unpacked = await loadBase(copy)
  expect([unpacked.name, unpacked.hub]).toEqual(['owner/tiny', hub])
  expect(unpacked.fingerprint).toBe((await tinyT5()).fingerprint)

  // The bytes are those of the folder, so it is one artifact however it is packed.
  expect(await buffer(await packBase(base))).toEqual(await buffer(packFolder(copy)))
})

test('any other base keeps the name of its folder and its label words', async () => {
  const { fingerprint, dir } = await tinyT5()
  const folder = copyFolder(dir)
  const label_words = { negative: 'dull', positive: 'superb' }
  writeFileSync(join(folder, 'graft-base.json'), JSON.stringify({ label_words }))
  writeFileSync(join(folder, 'notes.txt'), 'mine')
  for (const [from, name] of [
    [dir, 'tiny-t5'],
    [folder, basename(folder)],
  ]) {
    const copy = freshPath('0123')
    await unpackFolder(await packBase(await loadBase(from)), copy)
    const unpacked = await loadBase(copy)
    expect([unpacked.name, unpacked.fingerprint]).toEqual([name, fingerprint])
    expect(unpacked.labelWords).toEqual(from === folder ? label_words : undefined)
    expect(readdirSync(copy)).not.toContain('notes.txt')
    // A copy is packed as the same artifact.
    expect(await buffer(await packBase(unpacked))).toEqual(await buffer(packFolder(copy)))
  }
})
