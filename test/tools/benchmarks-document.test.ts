import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documentPath, findTables, replaceTable } from '../../bench/document-tables.ts'

const document = `# Figures

    npm run bench -- int8 --rounds 3

Some words.

| rows | ms |
|---|---|
| 1 | 2 |

More words.

    npm run bench -- sizes

| texts |
|---|`

test('the table of a command is the first one after it', () => {
  const found = findTables(document).map(({ args, from, to }) => [args.join(' '), document.split('\n').slice(from, to)])
  expect(found).toEqual([
    ['int8 --rounds 3', ['| rows | ms |', '|---|---|', '| 1 | 2 |']],
    ['sizes', ['| texts |', '|---|']],
  ])
})

test('the table of one command is replaced, and nothing else', () => {
  const replaced = replaceTable(document, ['int8', '--rounds', '3'], ['| a |', '|---|', '| b |', '| c |'])
  expect(replaced).toBe(document.replace('| rows | ms |\n|---|---|\n| 1 | 2 |', '| a |\n|---|\n| b |\n| c |'))
  expect(() => replaceTable(document, ['int8'], [])).toThrow('does not name: npm run bench -- int8')
})

test('a command without a table of its own is an error', () => {
  expect(() => findTables(document.replaceAll('|', ''))).toThrow('no table follows: npm run bench -- int8 --rounds 3')
  expect(() => findTables(document.replace('    npm', '    npm run bench -- load\n\n    npm'))).toThrow('bench -- load')
})

test('each command of the document is a bench and has its table', () => {
  const benches = findTables(readFileSync(documentPath, 'utf8')).map(({ args }) => args[0])
  expect(benches.length).toBeGreaterThan(8)
  for (const bench of benches) expect(existsSync(`bench/${bench}.ts`)).toBe(true)
})
