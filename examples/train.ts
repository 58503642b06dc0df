// Uploads reviews, launches a training and follows it to its end. Run `npm start` first.
//   node examples/train.ts [TRAIN.jsonl TEST.jsonl NAME]
import { readFile } from 'node:fs/promises'
import { EventSourceParserStream } from 'eventsource-parser/stream'

const server = process.env.GRAFT_URL ?? 'http://127.0.0.1:8080'
const [train = 'samples/train.jsonl', test = 'samples/test.jsonl', name = 'mine'] = process.argv.slice(2)

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(`${server}${path}`, init)
  const body = (await response.json()) as { title?: string; detail?: string; fix?: string }
  if (!response.ok) throw new Error(`${body.title}. ${body.detail} ${body.fix}`)
  return body as T
}

const upload = async (dataset: string, file: string) =>
  request(`/v1/datasets?name=${dataset}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: new Uint8Array(await readFile(file)),
  })

await upload(`${name}-train`, train)
await upload(`${name}-test`, test)

// If the connection breaks, send the same request again: the key makes sure that only one training starts.
const training = await request<{ id: string }>('/v1/trainings', {
  method: 'POST',
  headers: { 'content-type': 'application/json', 'idempotency-key': `launch-${name}` },
  body: JSON.stringify({
    name,
    dataset: `${name}-train`,
    test_dataset: `${name}-test`,
    method: 'lora',
    rank: 4,
    epochs: Number(process.env.EPOCHS ?? 2),
  }),
})

const { body } = await fetch(`${server}/v1/trainings/${training.id}/events`, {
  headers: { accept: 'text/event-stream' },
})
if (!body) throw new Error('The server closed the connection.')
for await (const { data } of body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())) {
  const event = JSON.parse(data) as { type: string; status?: string; step?: number; steps?: number; loss?: number }
  if (event.type === 'step') console.log(`step ${event.step} of ${event.steps}, loss ${event.loss?.toFixed(3)}`)
  if (event.type === 'status') console.log(event.status)
}

const { status, result } = await request<{ status: string; result?: { accuracy: number } }>(
  `/v1/trainings/${training.id}`,
)
if (status !== 'succeeded' || !result) throw new Error(`The training ${status}.`)
console.log(`accuracy ${(100 * result.accuracy).toFixed(1)} %`)
