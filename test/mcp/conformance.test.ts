import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { startMcp } from './start-mcp.ts'

const conformance = join(packageRoot, 'node_modules/.bin/conformance')

/** Those of the official suite that ask for no tool, resource or prompt of its own. */
const scenarios = {
  '2025-11-25': [
    'server-initialize',
    'ping',
    'tools-list',
    'resources-list',
    'prompts-list',
    'dns-rebinding-protection',
  ],
  '2026-07-28': [
    'server-stateless',
    'tools-list',
    'resources-list',
    'prompts-list',
    'sep-2164-resource-not-found',
    'caching',
    'http-header-validation',
    'input-required-result-unsupported-methods',
    'dns-rebinding-protection',
  ],
}

/** They call a tool of the suite's that needs something of the client; none here does. */
const inapplicable = ['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400']

test.each(Object.entries(scenarios))(
  'the official suite finds /mcp to be as revision %s says',
  async (revision, names) => {
    const { url } = await startMcp()
    for (const name of names) {
      const results = freshPath('conformance')
      const args = ['server', '--url', `${url}/mcp`, '--spec-version', revision, '--scenario', name, '-o', results]
      // It ends with 1 where a check failed; the file tells which.
      await promisify(execFile)(process.execPath, [conformance, ...args]).catch(() => {})
      const [file] = globSync(join(results, '**/checks.json'))
      const checks = JSON.parse(readFileSync(file, 'utf8')) as { id: string; status: string; errorMessage?: string }[]
      const wrong = checks.filter(({ id, status }) => status === 'FAILURE' && !inapplicable.includes(id))
      expect(wrong, name).toEqual([])
      expect(
        checks.some(({ status }) => status === 'SUCCESS'),
        name,
      ).toBe(true)
    }
  },
)

test('a client that listens for changes does not keep the server from closing', async () => {
  const { url, close } = await startMcp()
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const method = 'subscriptions/listen'
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { notifications: {}, _meta } }),
  })
  const began = performance.now()
  await close()
  expect(await response.text()).toContain('notifications/subscriptions/acknowledged')
  expect(performance.now() - began).toBeLessThan(500)
})
