// Puts content that never ends into the folder that is named, for a test that kills it; it tells when some of it is written.
import { folderArtifacts } from '../../../platform/artifacts/folder.ts'

async function* endless() {
  for (let written = 0; ; written++) {
    yield Buffer.alloc(65_536, written)
    if (written === 20) console.log('writing')
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

await (await folderArtifacts(process.argv[2])).put(endless())
