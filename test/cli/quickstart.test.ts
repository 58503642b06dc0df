import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { hasPeer } from '../peers.ts'
import { freshHome, watchProcess } from './run.ts'
import { openScreen } from './terminal.ts'

/** Returns whether programs can be run in a terminal here. */
function hasTerminals(): boolean {
  try {
    execFileSync('python3', ['-c', 'import pty'], { stdio: 'ignore' })
    return hasPeer('/dev/ptmx')
  } catch {
    return false
  }
}

interface Answer {
  results: { label: string; score: number }[]
}

async function classify(url: string, inputs: readonly string[]): Promise<Answer['results']> {
  const response = await fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs, adapter: 'quickstart' }),
  })
  return ((await response.json()) as Answer).results
}

const available = hasTerminals()
const title = 'npm start shows only text for people, and its adapters give good answers'

test.skipIf(!available)(available ? title : `${title} (skipped: python3 or /dev/ptmx is missing)`, async () => {
  const command = ['npm', 'start', '--', '--port', '0', '--threads', '2']
  const child = spawn('python3', [join(import.meta.dirname, 'terminal.py'), '60', ...command], {
    cwd: packageRoot,
    env: { ...process.env, DATABASE_URL: '', GRAFT_HOME: freshHome(), NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const screen = openScreen(60)
  child.stdout.on('data', (data) => void screen.write(String(data)))
  const { waitFor, exited } = watchProcess(child)

  await waitFor(/\] 1\/\d+/)
  child.stdin.write('100\n')
  await screen.resize(100)
  await waitFor(/Trained quickstart [\s\S]*Try it/)
  const [url = ''] = /http:\S+/.exec((await screen.lines()).join('\n')) ?? []

  const page = await fetch(url, { redirect: 'manual' })
  expect([page.status, page.headers.get('location')]).toEqual([302, '/docs'])
  await waitFor(/GET \/ 302/)

  const lines = await screen.lines()
  const text = lines.join('\n')
  expect(text).not.toMatch(/^\{|"level"|npm warn/im)
  // Each bar is at its end, and the one of the steps was drawn once.
  const bars = lines.filter((line) => /^\[[= ]+\]/.test(line))
  for (const bar of bars) expect(bar).toMatch(/^\[=+\] (\d+)\/\1 /)
  expect(bars.filter((bar) => bar.includes('loss'))).toHaveLength(1)
  expect(text).toMatch(/temperature|held-out/)
  for (const adapter of ['film', 'quickstart']) expect(text.replaceAll('\n', '')).toContain(`"adapter": "${adapter}"}`)

  const [liked, disliked, neutral] = await classify(url, [
    'A joy from start to finish.',
    'I did not like it at all.',
    'The film is 95 minutes long.',
  ])
  expect([liked.label, disliked.label]).toEqual(['positive', 'negative'])
  // Seven of ten answers are right, and so no answer is nearly certain.
  for (const { score } of [liked, disliked]) expect(score).toBeLessThan(0.95)
  expect(neutral.score).toBeLessThan(0.8)

  child.stdin.write('interrupt\n')
  await exited
})
