import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openPlatform } from '../../../platform/open-platform.ts'
import { ensureAdapter } from '../../../platform/use-cases/adapters.ts'
import { cancelTraining, listTrainings } from '../../../platform/use-cases/trainings.ts'
import { makeApp } from '../../../server/app.ts'
import { listen } from '../../../server/listen.ts'
import { freshHome } from '../../cli/run.ts'
import { hasPeer } from '../../peers.ts'
import { saveRandomAdapter } from '../../serving/adapters.ts'

const program = join(import.meta.dirname, '.venv/bin/schemathesis')
const isInstalled = hasPeer(program)
const skipNote = isInstalled
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

/** @param cwd a folder for the files that Schemathesis leaves behind */
function runSchemathesis(cwd: string, ...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? 1 : 0, output: `${stdout}\n${stderr}` }),
    )
  })
}

/**
 * Starts a server on a complete platform without a worker. It has everything that the examples of the document name.
 */
async function startServer(): Promise<{ url: string; errors: unknown[]; home: string }> {
  const home = freshHome()
  const errors: unknown[] = []
  const artifacts = join(home, 'artifacts')
  const platform = await openPlatform({
    home,
    artifacts,
    threads: 1,
    logger: { error: (error) => errors.push(error) },
  })
  onTestFinished(() => platform.close())
  await ensureAdapter(platform, await saveRandomAdapter('film-lora', { method: 'lora', rank: 4 }, 0.05))
  const { url, close } = await listen(makeApp(platform, { version: '1', heartbeatSeconds: 1 }), { graceSeconds: 1 })
  onTestFinished(close)
  const labels = ['positive', 'negative']
  const body = labels.map((label, i) => JSON.stringify({ text: `film ${i}`, label })).join('\n')
  for (const name of ['films', 'films-test']) {
    const headers = { 'content-type': 'application/jsonl' }
    const uploaded = await fetch(`${url}/v1/datasets?name=${name}`, { method: 'POST', headers, body })
    expect(uploaded.status, await uploaded.text()).toBe(201)
  }
  // Without a worker, the event streams of queued trainings would never end.
  const cancelAll = async () => {
    const { data } = await listTrainings(platform, { status: 'queued', limit: 100 })
    for (const { id } of data) await cancelTraining(platform, id)
  }
  const cancelling = setInterval(() => cancelAll().catch(() => {}), 300)
  onTestFinished(() => clearInterval(cancelling))
  return { url, errors, home }
}

test.skipIf(!isInstalled)(
  `every generated request receives a response that the document declares${skipNote}`,
  async () => {
    const { url, errors, home } = await startServer()
    const { code, output } = await runSchemathesis(
      home,
      ...['--config-file', join(import.meta.dirname, 'schemathesis.toml')],
      ...['run', `${url}/openapi.json`, '--checks', CHECKS.join(','), '--phases', 'examples,coverage,fuzzing'],
      ...['--max-examples', '15', '--seed', '1', '--no-shrink', '--request-timeout', '30', '--continue-on-failure'],
      ...['--suppress-health-check', 'all', '--warnings', 'off'],
    )
    expect(code, output.slice(-5000)).toBe(0)
    expect(errors).toEqual([])
  },
  300_000,
)
