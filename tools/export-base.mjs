// node tools/export-base.mjs OUT_DIR [BASE_DIR]: writes a base, however it is stored, as a folder in float32, which
// transformers loads. BASE_DIR defaults to the embedded base. Adapters of one also load on the other.

import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { readExistingFiles } from '../checkpoint/files.ts'
import { full } from '../checkpoint/full.ts'
import { readModelFolder } from '../checkpoint/model-folder.ts'
import { encodeSafetensors } from '../checkpoint/safetensors.ts'
import { writeFolder } from '../checkpoint/write-folder.ts'

const [out, source = embeddedBase] = process.argv.slice(2)
if (!out) {
  console.error('usage: node tools/export-base.mjs OUT_DIR [BASE_DIR]')
  process.exit(2)
}
const { tensors, configText } = await readModelFolder(source)
await writeFolder(out, {
  ...(await readExistingFiles(source, [...full.copiedFromBase, 'graft-base.json'])),
  [full.configFile]: configText,
  [full.weightsFile]: encodeSafetensors(tensors, { metadata: full.metadata }),
})
