// Puts content that never ends into the storage in a folder, for a test that kills the process. It prints a line once
// some of the content is written.
import { openFolderStorage } from '../../../platform/artifacts/folder.ts'

async function* endless() {
  for (let written = 0; ; written++) {
    yield Buffer.alloc(65_536, written)
    if (written === 20) console.log('writing')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

await (await openFolderStorage(process.argv[2])).put(endless())
