// Bundles each program into dist/, one file a program. onnxruntime-node stays outside: it loads a native library.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

const programs = ['cli/main.ts', 'training/child.ts', 'graph/runtime/worker.ts', 'serving/tokenizer-thread.ts']
const external = ['onnxruntime-node']

// Bundled CommonJS packages call require(), which a module does not have.
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
    splitting: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external,
    sourcemap: 'linked',
    banner: { js: (needsHashbang ? hashbang : '') + banner },
    logLevel: 'warning',
  })
}
