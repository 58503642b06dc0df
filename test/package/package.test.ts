import { execFile, execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { describe, expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { watchProcess } from '../cli/run.ts'
import { type Installed, installPackage, packageName } from './installed.ts'

const result = await installPackage()
const unreachable = 'unreachable' in result ? result.unreachable : undefined
const { folder, files, env } = result as Installed

/** Runs a command in the folder of the installation. @throws if it fails */
const run = async (command: string, ...args: string[]) =>
  (await promisify(execFile)(command, args, { cwd: folder, env, maxBuffer: 1e8 })).stdout

/** Starts a command in the folder of the installation. */
const start = (command: string, ...args: string[]) => watchProcess(spawn(command, args, { cwd: folder, env }))

/** Returns a Node on the PATH that is too old, if there is one. */
function findOldNode(): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((part) => join(part, 'node'))
    .find((node) => {
      try {
        return Number.parseInt(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }), 10) < 24
      } catch {
        return false
      }
    })
}
const oldNode = findOldNode()

const title = unreachable
  ? `the installed package (skipped: the registry cannot be reached, ${unreachable})`
  : 'the installed package'

describe.skipIf(unreachable !== undefined)(title, () => {
  test('has the programs, the base and the samples, but no sources, source maps or tools', () => {
    const paths = files.map(({ path }) => path)
    for (const path of ['bin/graft.cjs', 'dist/library/library.d.ts', 'base/model.safetensors', 'samples/train.jsonl'])
      expect(paths).toContain(path)
    expect(paths.filter((path) => /\.map$|^(?:test|tools|bench)\/|^base\/recipe|(?<!\.d)\.ts$/.test(path))).toEqual([])
    // Builds that a running server may still use are not packed.
    expect(
      new Set(paths.filter((path) => /^dist\/[0-9a-f]{12}\//.test(path)).map((path) => path.split('/')[1])).size,
    ).toBe(1)
    expect(files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(31.2e6)
  })

  test('runs the program in docs/library.md', async () => {
    const page = readFileSync(join(packageRoot, 'docs/library.md'), 'utf8')
    const program = [...page.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code).join('\n')
    writeFileSync(join(folder, 'program.mjs'), program)
    const lines = (await run('node', 'program.mjs')).trim().split('\n')
    expect(lines).toContainEqual(expect.stringMatching(/^step \d+ of \d+$/))
    expect(lines).toContainEqual(expect.stringMatching(/[\\/]film-lora: accuracy 0\.\d+$/))
    expect(lines.filter((line) => /^(?:posi|nega)tive 0\.\d+$/.test(line))).toHaveLength(2)
    expect(lines.at(-2)).toMatch(/^(?:cannot tell|film-\w+ is better): /)
    expect(lines.at(-1)).toBe('file_missing Check the path of the file of reviews.')
  })

  test('has types that a strict program compiles with', async () => {
    const options = {
      strict: true,
      noEmit: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'dom'],
      types: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['program.mts'] }))
    writeFileSync(
      join(folder, 'program.mts'),
      `import { connectGraft, type Training } from '${packageName}/client'
import { loadClassifier, train, type GraftError, type Prediction } from '${packageName}'
const { accuracy, loss } = await train({ data: 'train.jsonl', out: 'typed', method: 'lora', rank: 4 })
const [first]: Prediction[] = await (await loadClassifier()).classify(['good'])
export const sum: number = (accuracy ?? 0) + loss + first.score
export const codeOf = (error: unknown): string => (error as GraftError).code
export const launched: Promise<Training> = connectGraft().trainings.launch({ dataset: 'films', name: 'film', rank: 8 })
// @ts-expect-error: a status is a text
export const status: number = (await launched).status
// @ts-expect-error: there is no such method
await train({ data: 'train.jsonl', out: 'typed', method: 'magic' })
`,
    )
    await run('node', join(packageRoot, 'node_modules/typescript/bin/tsc'), '-p', '.')
  })

  test('trains with npx, without a server', async () => {
    const { code, stdout, stderr } = await start(
      'npx',
      '--no',
      packageName,
      'train',
      '--data',
      'train.jsonl',
      '--out',
      'cli-lora',
      '--steps',
      '2',
    ).exited
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/[\\/]cli-lora\n2 steps in /)
  })

  test('serves a program with the client, and an MCP client that starts it with npx works through that server', async () => {
    const server = start('node_modules/.bin/graft', 'serve', '--port', '0', '--threads', '2')
    await server.waitFor(/^http:\S+\n/m)
    const url = server.stdout.trim()
    const inputs = ['A joy from start to finish.']
    writeFileSync(
      join(folder, 'client.mjs'),
      `import { connectGraft } from '${packageName}/client'
const { results } = await connectGraft({ url: '${url}' }).predict({ inputs: ${JSON.stringify(inputs)}, adapter: 'film' })
console.log(results[0].label)
`,
    )
    expect(await run('node', 'client.mjs')).toBe('positive\n')

    const client = new Client({ name: 'test', version: '1.0.0' })
    onTestFinished(() => client.close())
    const args = ['--no', packageName, 'mcp']
    await client.connect(
      new StdioClientTransport({ command: 'npx', args, cwd: folder, env: env as Record<string, string> }),
    )
    const answer = await client.callTool({ name: 'classify_reviews', arguments: { reviews: inputs, adapter: 'film' } })
    expect(JSON.stringify(answer)).toContain('positive')

    server.kill('SIGTERM')
    await server.exited
  })

  const name = oldNode
    ? 'on an older Node says so in one sentence'
    : 'on an older Node says so (skipped: there is none on the PATH)'
  test.skipIf(oldNode === undefined)(name, async () => {
    const main = join(folder, 'node_modules', packageName, 'bin/graft.cjs')
    const { code, stdout, stderr } = await watchProcess(spawn(oldNode as string, [main, 'mcp'], { cwd: folder })).exited
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^graft: Graft needs Node 24 or later, but this is Node [\d.]+\.\n$/)
  })
})
