import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { start } from '../start.ts'
import { withFiles } from '../whole-platform.ts'

const program = join(import.meta.dirname, '.venv/bin/schemathesis')
const isInstalled = existsSync(program)
const without = isInstalled
  ? ''
  : ' (skipped: no test/server/schemathesis/.venv; test/server/schemathesis/setup.sh installs it)'

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
  'missing_required_header',
  'negative_data_rejection',
]

function run(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? 1 : 0, output: `${stdout}\n${stderr}` }),
    )
  })
}

test.skipIf(!isInstalled)(
  `whatever is asked, the answer is one that the document tells of${without}`,
  async () => {
    const { url, platform } = await start({
      adapters: ['film-lora'],
      more: await withFiles(),
      app: { heartbeatSeconds: 1 },
    })
    const labels = ['positive', 'negative']
    const body = labels.map((label, i) => JSON.stringify({ text: `film ${i}`, label })).join('\n')
    // What the examples of the document name.
    for (const name of ['films', 'films-test']) {
      const headers = { 'content-type': 'application/jsonl' }
      const uploaded = await fetch(`${url}/v1/datasets?name=${name}`, { method: 'POST', headers, body })
      expect(uploaded.status, await uploaded.text()).toBe(201)
    }
    const { code, output } = await run(
      ...['run', `${url}/openapi.json`, '--checks', CHECKS.join(',')],
      ...['--max-examples', '40', '--seed', '1', '--no-shrink', '--request-timeout', '20'],
      ...['--suppress-health-check', 'all', '--phases', 'examples,coverage,fuzzing', '--continue-on-failure'],
    )
    expect(code, output.slice(-5000)).toBe(0)
    expect(platform.reports).toEqual([])
  },
  300_000,
)
