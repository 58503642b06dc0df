import { readFileSync } from 'node:fs'
import { basename, relative, resolve } from 'node:path'
import { build } from 'esbuild'

/** The browsers that the pages run in: those of the last two years. */
const target = ['chrome125', 'firefox128', 'safari17.5']

/**
 * Bundles the pages for browsers: one script and one style sheet, whose names contain hashes, and the document that
 * loads them. Returns the files with their paths in a build.
 */
export async function bundlePages(): Promise<{ path: string; contents: Uint8Array }[]> {
  const { outputFiles } = await build({
    entryPoints: ['web/main.tsx'],
    outdir: 'dist/web/assets',
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target,
    logLevel: 'warning',
    write: false,
  })
  const files = outputFiles.map(({ path, contents }) => ({ path: relative(resolve('dist'), path), contents }))
  const pathOf = (extension: string) =>
    `/assets/${basename(files.find(({ path }) => path.endsWith(extension))?.path ?? '')}`
  const document = readFileSync('web/index.html', 'utf8')
    .replace('{script}', pathOf('.js'))
    .replace('{style}', pathOf('.css'))
  return [...files, { path: 'web/index.html', contents: Buffer.from(document) }]
}
