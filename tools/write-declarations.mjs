import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The modules that others import by their path in dist/. */
const published = ['library/library.d.ts', 'client/client.d.ts']

/** Writes the type declarations of the library and the client into dist/, with those that they need. */
export function writeDeclarations() {
  const out = mkdtempSync('dist/declarations-')
  try {
    execFileSync(process.execPath, [
      'node_modules/typescript/bin/tsc',
      '-p',
      'tsconfig.declarations.json',
      '--outDir',
      out,
    ])
    for (const file of listNeeded(out)) {
      mkdirSync(dirname(join('dist', file)), { recursive: true })
      copyFileSync(join(out, file), join('dist', file))
    }
  } finally {
    rmSync(out, { recursive: true })
  }
}

/** Returns the published declarations and all that they import. */
function listNeeded(folder) {
  const needed = new Set(published)
  // A set that grows while it is iterated yields what was added.
  for (const file of needed)
    for (const [, path] of readFileSync(join(folder, file), 'utf8').matchAll(
      /(?:\bfrom |\bimport\()['"](\.[^'"]+)['"]/g,
    ))
      needed.add(join(dirname(file), path.replace(/\.ts$/, '.d.ts')))
  return needed
}
