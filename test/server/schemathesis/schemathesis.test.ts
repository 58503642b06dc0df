import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openPlatform } from '../../../platform/open-platform.ts'
import { ensureAdapter } from '../../../platform/use-cases/adapters.ts'
import { cancelTraining, listTrainings } from '../../../platform/use-cases/trainings.ts'
import { makeApp } from '../../../server/app.ts'
import { listen } from '../../../server/listen.ts'
import { savedAs } from '../../serving/adapters.ts'

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

/** @param cwd where it may leave what it remembers */
function schemathesis(cwd: string, ...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? 1 : 0, output: `${stdout}\n${stderr}` }),
    )
  })
}

/** A server on a whole platform without a worker, which has what the examples of the document name. */
async function served(): Promise<{ url: string; reports: unknown[]; home: string }> {
  const home = await mkdtemp(join(tmpdir(), 'graft-schemathesis-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const reports: unknown[] = []
  const artifacts = join(home, 'artifacts')
  const platform = await openPlatform({
    home,
    artifacts,
    threads: 1,
    logger: { error: (error) => reports.push(error) },
  })
  onTestFinished(() => platform.close())
  await ensureAdapter(platform, await savedAs('film-lora', { method: 'lora', rank: 4 }, 0.05))
  const { url, close } = await listen(makeApp(platform, { version: '1', heartbeatSeconds: 1 }), { graceSeconds: 1 })
  onTestFinished(close)
  const labels = ['positive', 'negative']
  const body = labels.map((label, i) => JSON.stringify({ text: `film ${i}`, label })).join('\n')
  for (const name of ['films', 'films-test']) {
    const headers = { 'content-type': 'application/jsonl' }
    const uploaded = await fetch(`${url}/v1/datasets?name=${name}`, { method: 'POST', headers, body })
    expect(uploaded.status, await uploaded.text()).toBe(201)
  }
  // Streams of their events would go on for ever, since nobody works on them.
  const cancelAll = async () => {
    const { data } = await listTrainings(platform, { status: 'queued', limit: 100 })
    for (const { id } of data) await cancelTraining(platform, id)
  }
  const cancelling = setInterval(() => cancelAll().catch(() => {}), 300)
  onTestFinished(() => clearInterval(cancelling))
  return { url, reports, home }
}

test.skipIf(!isInstalled)(
  `whatever is asked, the answer is one that the document tells of${without}`,
  async () => {
    const { url, reports, home } = await served()
    const { code, output } = await schemathesis(
      home,
      ...['run', `${url}/openapi.json`, '--checks', CHECKS.join(','), '--phases', 'examples,coverage,fuzzing'],
      ...['--max-examples', '15', '--seed', '1', '--no-shrink', '--request-timeout', '30', '--continue-on-failure'],
      ...['--suppress-health-check', 'all', '--warnings', 'off'],
    )
    expect(code, output.slice(-5000)).toBe(0)
    expect(reports).toEqual([])
  },
  300_000,
)
