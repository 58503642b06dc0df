// Checks the import rules of .dependency-cruiser.mjs and their table in the documents, the sizes of files, and that no
// file is a barrel. An incomplete run fails: the check must have read every source on disk, with its imports.
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { cruise } from 'dependency-cruiser'
import config, { folders } from '../.dependency-cruiser.mjs'
import { staleDocuments } from './doc-blocks.mjs'

/** If there are fewer modules, the check did not see the tree. Raise it as the tree grows. */
const MINIMUM_MODULES = 550
const MAXIMUM_LINES = 400
const MEDIAN_LINES_BELOW = 150
const MAXIMUM_PLATFORM_ROOT_FILES = 4

const problems = []

const foldersWithoutSources = ['base', 'samples', 'docs', 'node_modules', 'dist', 'coverage']
for (const entry of readdirSync('.', { withFileTypes: true })) {
  if (!entry.isDirectory() || entry.name.startsWith('.')) continue
  if (folders.includes(entry.name) || foldersWithoutSources.includes(entry.name)) continue
  const [stray] = globSync(`${entry.name}/**/*.{ts,tsx,mjs}`)
  if (stray) problems.push(`${stray}: no rule says what ${entry.name}/ may import; add it to .dependency-cruiser.mjs`)
}

const platformRoot = globSync('platform/*.ts')
if (platformRoot.length > MAXIMUM_PLATFORM_ROOT_FILES) {
  problems.push(
    `platform/: ${platformRoot.length} files at its root, at most ${MAXIMUM_PLATFORM_ROOT_FILES} are allowed; move one to a folder`,
  )
}
for (const file of await staleDocuments()) problems.push(`${file}: a generated part is out of date; run npm run docs`)

const present = folders.filter((folder) => existsSync(folder))
const sources = present
  .flatMap((folder) => globSync(`${folder}/**/*.{ts,tsx,mjs}`, { exclude: (name) => /node_modules|\.venv/.test(name) }))
  .map((file) => ({ file: file.replaceAll('\\', '/'), text: readFileSync(file, 'utf8') }))

const { forbidden, options } = config
const { output } = await cruise(present, { ...options, ruleSet: { forbidden }, validate: true })
const rules = new Map(forbidden.map((rule) => [rule.name, rule.comment]))
for (const { from, to, rule, cycle } of output.summary.violations) {
  const path = cycle ? [from, ...cycle.map((step) => step.name)].join(' -> ') : `${from} -> ${to}`
  problems.push(`${path}: ${rules.get(rule.name)} (${rule.name})`)
}

const read = new Map(output.modules.map((module) => [module.source, module]))
const statement = /^(?:import|export)\b(?:[^'"`;=()]*?\bfrom)?\s*['"]([^'"\n]+)['"][^\S\n]*(?:with\s*\{[^}]*\})?;?/gm
const dynamicImport = /\bimport\(\s*['"]([^'"\n]+)['"]/g
const comment = /\/\*[\s\S]*?\*\/|^[^\S\n]*\/\/.*$|^#!.*$/gm
let modules = 0
for (const { file, text } of sources) {
  const module = read.get(file)
  const code = text.replace(comment, '')
  if (module) modules++
  else problems.push(`${file}: the import check did not read it`)
  // Tests hold program text in strings, which these patterns cannot distinguish from code.
  const imported =
    !module || file.startsWith('test/') ? [] : [...code.matchAll(statement), ...code.matchAll(dynamicImport)]
  for (const [, specifier] of imported) {
    // dependency-cruiser reports older modules of Node.js without their prefix; newer ones have no other name.
    const names = [specifier, specifier.replace(/^node:/, '')]
    if (module.dependencies.some(({ module: name }) => names.includes(name))) continue
    problems.push(`${file}: the import check missed '${specifier}'; use a plain import statement`)
  }

  const rest = code.replace(statement, '').replace(/^export\s*(?:type\s*)?\{[^}]*\};?/gm, '')
  if (/^export\b/m.test(code) && rest.trim() === '') {
    problems.push(`${file}: it only re-exports; delete it and import from the file that defines the name`)
  }
  const lines = countLines(text)
  if (lines > MAXIMUM_LINES) problems.push(`${file}: ${lines} lines, at most ${MAXIMUM_LINES} are allowed; split it`)
}

if (modules < MINIMUM_MODULES) {
  problems.push(`the import check read ${modules} modules, but at least ${MINIMUM_MODULES} were expected`)
}
const sizes = sources.map(({ text }) => countLines(text)).sort((a, b) => a - b)
const median = sizes[Math.floor(sizes.length / 2)] ?? 0
if (median >= MEDIAN_LINES_BELOW) {
  problems.push(`the median file has ${median} lines, but must have fewer than ${MEDIAN_LINES_BELOW}; split files`)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
else
  console.log(`imports: ${modules} modules, ${output.summary.totalDependenciesCruised} imports, median ${median} lines`)

function countLines(text) {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}
