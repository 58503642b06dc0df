import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadAll } from '../../cli/loaders.ts'
import { packageRoot } from '../../core/entry.ts'
import { packageName } from './installed.ts'

/** Ways to start the command that resolve to the package of another project, or to nothing. */
const BARE = [/\bnpx (?:-y |--yes )?graft\b/, /"command": "graft"/, /-- graft mcp/, /npm (?:i|install)(?: -g)? graft\b/]

test('no document and no help names a bare graft for a client to start', async () => {
  const examples = Object.values(await loadAll()).flatMap((command) => command.examples)
  const files = globSync('{*.md,docs/**/*.md}', { cwd: packageRoot })
  expect(files).toContain('docs/mcp.md')
  const texts = files.map((file) => [file, readFileSync(join(packageRoot, file), 'utf8')])
  for (const [name, text] of [...texts, ['--help', examples.join('\n')]])
    for (const pattern of BARE) expect(text, name).not.toMatch(pattern)
})

test('the documents name the package that is published', () => {
  for (const file of ['README.md', 'docs/mcp.md', 'docs/library.md']) {
    const names = readFileSync(join(packageRoot, file), 'utf8').match(/@[\w-]+\/graft\b/g) ?? []
    expect(new Set(names), file).toEqual(new Set([packageName]))
  }
})
