import type { Attack } from './attack.ts'
import { type Answer, makeClient } from './client.ts'
import type { Target } from './target.ts'
import { isOver, launch, uploadSamples, waitForTraining } from './trainings.ts'

/** A training that waits for as long as others need. */
const PATIENT = { steps: 1e6, evaluate_every: 1e6 }

const statusesOf = (answers: readonly Answer[]): number[] => [...new Set(answers.map(({ status }) => status))].sort()

/** Creates a key for someone else who trains. */
async function secondTrainer({ admin, url }: Target) {
  const { body } = await admin.send('POST', '/v1/keys', { body: { name: 'other', scopes: ['train'] } })
  return makeClient(url, body.secret)
}

export const shareAttacks: readonly Attack[] = [
  {
    name: 'a key that opens as many event streams as it can',
    async run(target) {
      const id = await launch(target, PATIENT)
      const other = await secondTrainer(target)
      const leave = new AbortController()
      const open = () =>
        target.attacker.send('GET', `/v1/trainings/${id}/events`, {
          headers: { accept: 'text/event-stream' },
          signal: leave.signal,
        })
      const answers = Array.from({ length: 300 }, open)
      // The others stay open.
      const refused = await Promise.race(answers)
      const list = await other.send('GET', `/v1/trainings/${id}/events`, { headers: { accept: 'application/json' } })
      const stream = await other.send('GET', `/v1/trainings/${id}/events`, {
        headers: { accept: 'text/event-stream' },
        signal: AbortSignal.timeout(1000),
      })
      leave.abort()
      await Promise.all(answers)
      await target.attacker.send('POST', `/v1/trainings/${id}/cancel`)
      return [refused.status, list.status, stream.status]
    },
    expects: [429, 200, 200],
  },
  {
    name: 'a key that fills the queue',
    async run(target) {
      const other = await secondTrainer(target)
      const dataset = await uploadSamples(target)
      const body = { dataset, ...PATIENT }
      const post = () => target.attacker.send('POST', '/v1/trainings', { body })
      const answers: Answer[] = []
      while (!answers.some(({ status }) => status !== 201))
        answers.push(...(await Promise.all(Array.from({ length: 40 }, post))))
      const theirs = await other.send('POST', '/v1/trainings', { body })
      const ids = [...answers, theirs].flatMap((answer) => (answer.body.id ? [answer.body.id] : []))
      const cancelled: Answer[] = []
      for (let at = 0; at < ids.length; at += 40)
        cancelled.push(
          ...(await Promise.all(
            ids.slice(at, at + 40).map((id) => target.attacker.send('POST', `/v1/trainings/${id}/cancel`)),
          )),
        )
      for (const id of ids) await waitForTraining(target, id, isOver)
      return [statusesOf(answers), theirs.status, statusesOf(cancelled), answers.length < 1000]
    },
    expects: [[201, 429], 201, [200], true],
  },
]
