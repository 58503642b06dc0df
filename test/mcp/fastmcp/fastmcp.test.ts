import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../core/entry.ts'
import { tools } from '../../../mcp/tools.ts'
import { freshHome } from '../../cli/run.ts'
import { NODE_FLAGS } from '../../node-flags.ts'
import { hasPeer } from '../../peers.ts'
import { startMcp } from '../start-mcp.ts'

const python = join(import.meta.dirname, '.venv/bin/python')
const isInstalled = hasPeer(python)
const skipNote = isInstalled ? '' : ' (skipped: no test/mcp/fastmcp/.venv; test/mcp/fastmcp/setup.sh installs it)'

interface Seen {
  tools: string[]
  added: Record<string, unknown>
  text: unknown
  listed: Record<string, unknown>
  counted: Record<string, unknown>
  error: string
}

/** Runs the client in Python, and returns what it saw. */
async function runClient(target: string): Promise<Seen> {
  const { stdout } = await promisify(execFile)(python, [join(import.meta.dirname, 'client.py'), target])
  return JSON.parse(stdout)
}

function stdioConfig(): string {
  const env = { ...process.env, GRAFT_HOME: freshHome(), DATABASE_URL: '' }
  const args = [...NODE_FLAGS, join(packageRoot, 'dist/cli/main.js'), 'mcp', '--threads', '1']
  return JSON.stringify({ mcpServers: { graft: { command: process.execPath, args, env } } })
}

test.skipIf(!isInstalled).each(['HTTP', 'stdio'])(
  `FastMCP’s client for Python lists and calls the tools over %s${skipNote}`,
  async (transport) => {
    const target = transport === 'HTTP' ? `${(await startMcp()).url}/mcp` : stdioConfig()
    const seen = await runClient(target)
    expect(seen.tools).toEqual(tools.map(({ name }) => name))
    expect(seen.added).toMatchObject({ dataset: { name: 'from-python', rows: 2, labels: { 0: 1, 1: 1 } } })
    expect(seen.text).toEqual(seen.added)
    expect(JSON.stringify(seen.listed)).toContain('from-python')
    expect(seen.counted).toMatchObject({ trainable: expect.any(Number) })
    expect(seen.error).toMatch(/^training_unknown: .*[\s\S]*list_trainings/)
  },
)
