// The parts of the documents that are generated from code. Tables and diagrams are between the markers `<!-- NAME -->`
// and `<!-- /NAME -->`. Code is between `<!-- code: FILE#REGION -->` and `<!-- /code -->`, and is copied from between
// `// #region REGION` and `// #endregion` in that file.
import { readFileSync, writeFileSync } from 'node:fs'
import { packageOwners, platformFloors, productFolders } from '../.dependency-cruiser.mjs'
import { documents } from './prose.mjs'

const blocks = [
  { file: 'docs/architecture.md', name: 'imports', content: importTables },
  { file: 'docs/jobs.md', name: 'training-states', content: trainingStates },
]

/** The causes of the changes of a training's status; a change that is not listed has no label in the diagram. */
const causes = {
  queued: { running: 'a worker claims it', paused: 'pause', cancelled: 'cancel' },
  running: {
    queued: 'its slice ends or its attempt fails',
    paused: 'pause, once its state is saved',
    succeeded: 'its last slice ends',
    failed: 'wrong input, or too many failed attempts',
    cancelled: 'cancel',
  },
  paused: { queued: 'resume', cancelled: 'cancel' },
}

/** Returns the documents whose generated parts differ from the code. */
export const staleDocuments = async () => (await regenerate()).map(({ file }) => file)

/** Writes the generated parts into the documents. */
export async function writeDocuments() {
  for (const { file, text } of await regenerate()) writeFileSync(file, text)
}

/** Returns the new text of each document that changes. */
async function regenerate() {
  const changed = []
  for (const file of documents()) {
    const before = readFileSync(file, 'utf8')
    let text = before
    for (const block of blocks)
      if (block.file === file) text = replaceBlock(file, text, block.name, await block.content())
    text = replaceCode(file, text)
    if (text !== before) changed.push({ file, text })
  }
  return changed
}

function replaceBlock(file, text, name, content) {
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [head, rest] = text.split(start)
  const tail = rest?.split(end)[1]
  if (tail === undefined) throw new Error(`${file}: expected the markers ${start.trim()} and ${end}; add them`)
  return `${head}${start}\n${content}\n\n${end}${tail}`
}

function replaceCode(file, text) {
  const start = /^( *)<!-- code: (\S+)#(\S+) -->\n/gm
  const block = new RegExp(`${start.source}[^]*?^ *<!-- /code -->`, 'gm')
  const count = (pattern) => text.match(pattern)?.length ?? 0
  if (count(start) !== count(block) || count(start) !== count(/^ *<!-- \/code -->/gm))
    throw new Error(`${file}: expected <!-- /code --> after each <!-- code: FILE#REGION -->; add it`)
  return text.replace(block, (_, indentation, source, region) => {
    const lines = ['', '```ts', ...codeOfRegion(source, region), '```', '']
    const all = [`<!-- code: ${source}#${region} -->`, ...lines, '<!-- /code -->']
    return all.map((line) => (line === '' ? '' : indentation + line)).join('\n')
  })
}

/** Returns the lines of a region of a source, without their common indentation. */
function codeOfRegion(file, region) {
  const lines = readFileSync(file, 'utf8').split('\n')
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`)
  const end = lines.findIndex((line, i) => i > start && line.trim() === '// #endregion')
  if (start < 0 || end < 0) throw new Error(`${file}: expected // #region ${region} and // #endregion; add them`)
  const indentation = lines[start].search(/\S/)
  return lines.slice(start + 1, end).map((line) => line.slice(indentation))
}

/**
 * Returns three tables: what each folder of the product may import, what each part of platform/ may import, and the
 * packages that only one folder may import.
 */
function importTables() {
  const code = (names) => names.map((name) => `\`${name}\``).join(', ')
  const floors = Object.entries(platformFloors).map(([floor, targets]) => [`\`${floor}\``, code(targets) || 'nothing'])
  const folders = Object.entries(productFolders).map(([folder, { holds, mayImport }]) => [
    `\`${folder}/\``,
    holds,
    code(mayImport) || 'nothing',
  ])
  const owners = Object.entries(packageOwners).map(([owner, packages]) => [`\`${owner}/\``, code(packages)])
  return [
    table(['folder', 'holds', 'may import'], folders),
    table(['in `platform/`', 'may import, of `platform/`'], floors),
    table(['folder', 'packages that only it may import'], owners),
  ].join('\n\n')
}

/** Returns the statuses of a training and the changes between them, as a Mermaid diagram. */
async function trainingStates() {
  const { transitions } = await import('../platform/store/training-transitions.ts')
  const lines = Object.entries(transitions).flatMap(([from, targets]) =>
    targets.length === 0
      ? [`${from} --> [*]`]
      : targets.map((to) => `${from} --> ${to}${causes[from][to] ? `: ${causes[from][to]}` : ''}`),
  )
  return ['```mermaid', 'stateDiagram-v2', ...['[*] --> queued', ...lines].map((line) => `  ${line}`), '```'].join('\n')
}

function table(head, rows) {
  const row = (cells) => `| ${cells.join(' | ')} |`
  return [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n')
}
