// Bundles each program into dist/: one file, and chunks for its dynamic imports.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { build } from 'esbuild'
import { externals } from './externals.mjs'

const programs = [
  'cli/main.ts',
  'server/lambda.ts',
  'training/child.ts',
  'training/baseline/child.ts',
  'platform/worker/short-work-child.ts',
  'graph/runtime/worker.ts',
  'graph/runtime/devices/gpu-info-child.ts',
  'graph/runtime/devices/measure-child.ts',
  'serving/loader-thread.ts',
  'serving/tokenizer-thread.ts',
]

// Bundled CommonJS packages call require(), which does not exist in an ES module.
const banner = `import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);`
const hashbang = '#!/usr/bin/env node\n'

rmSync('dist', { recursive: true, force: true })
await Promise.all(programs.filter((program) => existsSync(program)).map(bundle))

function bundle(program) {
  const needsHashbang = program.startsWith('cli/') && !readFileSync(program, 'utf8').startsWith('#!')
  return build({
    entryPoints: [program],
    outdir: 'dist',
    outbase: '.',
    bundle: true,
    // A dynamic import becomes a separate chunk, so its code, and the external packages that it needs, are loaded only
    // when it runs.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: externals,
    sourcemap: 'linked',
    banner: { js: (needsHashbang ? hashbang : '') + banner },
    logLevel: 'warning',
  })
}
