import { setTimeout as pause } from 'node:timers/promises'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Target } from './target.ts'

const PATIENCE_MS = 200_000
const NAME = 'samples'

/** Uploads a few reviews, unless they are there. @returns the name of the data set */
export async function uploadSamples({ attacker }: Target): Promise<string> {
  const rows = Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({ text: `film ${i}`, label: i % 2 ? 'positive' : 'negative' }),
  )
  await attacker.send('POST', `/v1/datasets?name=${NAME}`, {
    body: rows.join('\n'),
    headers: { 'content-type': 'application/jsonl' },
  })
  return NAME
}

/** Launches a training on a few reviews. @returns its id */
export async function launch(target: Target, settings: object): Promise<string> {
  const dataset = await uploadSamples(target)
  const body = { dataset, threads: 1, batch_tokens: 256, ...settings }
  const answer = await target.attacker.send('POST', '/v1/trainings', { body })
  if (answer.status !== 201) throw new Error(`the training was not launched: ${JSON.stringify(answer)}`)
  return answer.body.id
}

/** Waits for a training. @throws Error if nothing happens for long */
export async function waitForTraining(
  { attacker }: Target,
  id: string,
  isDone: (training: Training) => boolean,
): Promise<Training> {
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    const { body } = await attacker.send('GET', `/v1/trainings/${id}`)
    if (body.status && isDone(body)) return body
    if (Date.now() > until) throw new Error(`nothing happens to the training: ${JSON.stringify(body)}`)
    await pause(100)
  }
}

export const isOver = ({ status }: Pick<Training, 'status'>): boolean =>
  ['succeeded', 'failed', 'cancelled'].includes(status)
