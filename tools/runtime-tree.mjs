// node tools/runtime-tree.mjs OUT [--arch x64|arm64]: lays out what runs Graft on Linux and nothing else, for an image or a function.
// The programs in dist/ are bundles, so of node_modules only the packages that stay outside are needed, with what they depend on.
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { externals } from './externals.mjs'

const { values, positionals } = parseArgs({
  options: { arch: { type: 'string', default: process.arch } },
  allowPositionals: true,
})
const [out] = positionals
if (!out || existsSync(out)) throw new Error(`expected a folder that is not there yet, found ${out ?? 'none'}`)
if (!existsSync('dist')) throw new Error('expected dist/, found none: npm run build makes it')
const natives = `linux/${values.arch}`
if (!existsSync(join('node_modules/onnxruntime-node/bin/napi-v6', natives)))
  throw new Error(`expected an architecture of onnxruntime-node, x64 or arm64, found ${values.arch}`)

for (const name of ['base', 'dist', 'migrations', 'samples', 'package.json', 'LICENSE'])
  cpSync(name, join(out, name), { recursive: true, filter: (path) => !isForReaders(path) })

// The package webgpu only tells which GPU there is; ONNX Runtime has a WebGPU of its own.
const packages = new Set()
for (const name of externals) if (name !== 'webgpu') copyPackage(name, '.')

function copyPackage(name, dependent) {
  const folder = folderOf(name, dependent)
  if (packages.has(folder)) return
  packages.add(folder)
  cpSync(folder, join(out, folder), { recursive: true, filter: (path) => isNeeded(relative(folder, path), path) })
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  for (const dependency of Object.keys(dependencies)) copyPackage(dependency, folder)
}

/** As Node finds a package: in the nearest node_modules above whoever asks for it. */
function folderOf(name, dependent) {
  for (let at = dependent; ; at = dirname(at)) {
    const folder = join(at, 'node_modules', name)
    if (existsSync(folder)) return folder
    if (resolve(at) === resolve('.')) throw new Error(`${name}: not in node_modules; npm ci installs it`)
  }
}

/** @param inside the path within its package, whose own packages are copied where they are asked for */
function isNeeded(inside, path) {
  const native = inside.split('bin/napi-v6/')[1]
  if (native && native !== 'linux' && !`${native}/`.startsWith(`${natives}/`)) return false
  return inside !== 'node_modules' && !isForReaders(path)
}

function isForReaders(path) {
  return /\.(?:map|d\.[cm]?ts|md)$/.test(path)
}
