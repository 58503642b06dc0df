/**
 * Runs the commands that docs/benchmarks.md names, and replaces the table after each by the one that the command
 * prints. The peers are installed first if they are not there.
 *
 *   npm run bench [-- document --only train,int8]
 *
 * It takes about two hours. The document is written after each command, so nothing is lost if it is interrupted.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { documentPath, findTables, replaceTable } from './document-tables.ts'
import { peersPython } from './peers-python.ts'
import { isTableLine } from './table.ts'

const { values } = parseArgs({ args: process.argv.slice(3), options: { only: { type: 'string' } } })

if (!existsSync(peersPython)) {
  const { status } = spawnSync('bash', ['bench/peers/setup.sh'], { stdio: 'inherit' })
  if (status !== 0) throw new Error('The peers could not be installed: bash bench/peers/setup.sh')
}

const only = values.only?.split(',')
const commands = findTables(readFileSync(documentPath, 'utf8')).map(({ args }) => args)
const chosen = commands.filter(([bench]) => only?.includes(bench) ?? true)
for (const [i, args] of chosen.entries()) {
  console.log(`\n[${i + 1} of ${chosen.length}] npm run bench -- ${args.join(' ')}\n`)
  const table = await runBench(args)
  writeFileSync(documentPath, replaceTable(readFileSync(documentPath, 'utf8'), args, table))
}
console.log(`\n${documentPath}: ${chosen.length} tables. Read the sentences around them again: some name figures.`)

/** Runs a bench, prints what it prints, and returns the lines of its table. */
async function runBench(args: readonly string[]): Promise<string[]> {
  const child = spawn(process.execPath, ['bench/main.ts', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text)
    output += text
  })
  const status = await new Promise((resolve) => child.once('close', resolve))
  if (status !== 0) throw new Error(`npm run bench -- ${args.join(' ')} ended with status ${status}`)
  const table = output.split('\n').filter(isTableLine)
  if (table.length === 0) throw new Error(`npm run bench -- ${args.join(' ')} printed no table`)
  return table
}
