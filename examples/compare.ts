// Compares two adapters on the same reviews. Run `npm start` and examples/train.ts first.
//   node examples/compare.ts [ADAPTER ADAPTER DATASET]
import { setTimeout as sleep } from 'node:timers/promises'

const server = process.env.GRAFT_URL ?? 'http://127.0.0.1:8080'
const [first = 'film', second = 'mine', dataset = 'mine-test'] = process.argv.slice(2)

interface Comparison {
  id: string
  status: string
  result?: {
    adapters: { name: string; accuracy: number; interval: [number, number] }[]
    verdict: string
  }
  error?: { detail: string; fix: string }
}

async function request(path: string, init?: RequestInit): Promise<Comparison> {
  const response = await fetch(`${server}${path}`, init)
  const body = (await response.json()) as { title?: string; detail?: string; fix?: string }
  if (!response.ok) throw new Error(`${body.title}. ${body.detail} ${body.fix}`)
  return body as unknown as Comparison
}

let comparison = await request('/v1/comparisons', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ adapters: [first, second], dataset }),
})
while (comparison.status === 'queued' || comparison.status === 'running') {
  await sleep(500)
  comparison = await request(`/v1/comparisons/${comparison.id}`)
}

const { result, error } = comparison
if (!result) throw new Error(`${error?.detail} ${error?.fix}`)
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
for (const { name, accuracy, interval } of result.adapters)
  console.log(`${name}: ${percent(accuracy)}, 95 % interval ${interval.map(percent).join(' to ')}`)
console.log(result.verdict)
