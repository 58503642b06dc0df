import { setTimeout as pause } from 'node:timers/promises'
import { expectChild } from '../platform/worker/wait-until.ts'
import type { Attack } from './attack.ts'
import { type Answer, makeClient } from './client.ts'
import { whyNoGroup } from './control-group.ts'
import { waitUntilTidy } from './leftovers.ts'
import { backendsOf, findPostmaster, whyNoPostgres, whyNoProc } from './processes.ts'
import type { Target } from './target.ts'
import { isOver, launch, uploadSamples, waitForTraining } from './trainings.ts'

const TRAINING = 'training/child'

/** Reads as others do until the database answers again. @returns the statuses of all attempts, without repetitions */
async function readUntilItWorks({ attacker }: Target): Promise<number[]> {
  const statuses = new Set<number>()
  for (let attempts = 0; attempts < 300; attempts++) {
    const { status } = await attacker.send('GET', '/v1/adapters')
    statuses.add(status)
    if (status === 200) break
    await pause(100)
  }
  return [...statuses].filter((status) => status !== 503)
}

/** Launches a training with settings that nobody needs. @returns what became of it */
async function tryTraining(target: Target, settings: object): Promise<string> {
  const { attacker } = target
  const { status, code, body }: Answer = await attacker.send('POST', '/v1/trainings', {
    body: { dataset: 'samples', threads: 1, ...settings },
  })
  if (status !== 201) return `${status} ${code}`
  const { status: end, error } = await waitForTraining(target, body.id, isOver)
  return error ? `${end}: ${error.code}` : end
}

export const processAttacks: readonly Attack[] = [
  {
    name: 'the training process is killed',
    skip: whyNoProc,
    async run(target) {
      const child = expectChild(TRAINING, target.pid)
      const id = await launch(target, { steps: 20 })
      process.kill(await child(), 'SIGKILL')
      const { status, slices } = await waitForTraining(target, id, isOver)
      return [status, slices > 1]
    },
    expects: ['succeeded', true],
  },
  {
    name: 'the process that reads a data set is killed',
    skip: whyNoProc,
    async run(target) {
      const rows = `${'{"text":"a","label":"b"}\n'.repeat(500_000)}`
      const headers = { 'content-type': 'application/jsonl' }
      const child = expectChild('training/data/child', target.pid)
      const answer = target.attacker.send('POST', '/v1/datasets?name=killed', { body: rows, headers })
      process.kill(await child(), 'SIGKILL')
      const { status, code } = await answer
      return { status, code, left: await waitUntilTidy(target) }
    },
    expects: { status: 500, code: 'validation_failed', left: [] },
  },
  {
    name: 'the process of an evaluation is killed',
    skip: whyNoProc,
    async run(target) {
      const dataset = await uploadSamples(target)
      const { send } = target.attacker
      const child = expectChild('short-work-child', target.pid)
      const { body } = await send('POST', '/v1/evaluations', { body: { adapter: 'film', dataset } })
      process.kill(await child(), 'SIGKILL')
      for (;;) {
        const { status } = (await send('GET', `/v1/evaluations/${body.id}`)).body
        if (isOver({ status })) return status
        await pause(200)
      }
    },
    expects: 'succeeded',
  },
  {
    name: 'the database does not answer for a while',
    skip: whyNoPostgres,
    async run(target) {
      const { send } = makeClient(target.url, '')
      const ids = backendsOf(findPostmaster(target))
      for (const id of ids) process.kill(id, 'SIGSTOP')
      const [healthy, ready] = [await send('GET', '/healthz'), await send('GET', '/readyz')]
      for (const id of ids) process.kill(id, 'SIGCONT')
      return [healthy.status, ready.status]
    },
    expects: [200, 503],
  },
  {
    name: 'the database is killed',
    skip: whyNoPostgres,
    interrupts: true,
    async run(target) {
      process.kill(findPostmaster(target), 'SIGKILL')
      return readUntilItWorks(target)
    },
    expects: [200],
  },
  {
    name: 'the database is killed during a training',
    skip: whyNoPostgres,
    interrupts: true,
    async run(target) {
      const child = expectChild(TRAINING, target.pid)
      const id = await launch(target, { steps: 20 })
      await child()
      process.kill(findPostmaster(target), 'SIGKILL')
      return (await waitForTraining(target, id, isOver)).status
    },
    expects: 'succeeded',
  },
  {
    name: 'every process of the database but the first is killed',
    skip: whyNoPostgres,
    interrupts: true,
    async run(target) {
      // The server ends the others as soon as it notices the first.
      for (const id of backendsOf(findPostmaster(target)))
        try {
          process.kill(id, 'SIGKILL')
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
        }
      return readUntilItWorks(target)
    },
    expects: [200],
  },
  {
    name: 'a training takes nearly all memory that is left',
    skip: whyNoGroup && ' (skipped: without a limit of memory, it would take that of others)',
    async run(target) {
      const rows = Array.from({ length: 60 }, (_, i) => ({
        text: `${i} ${'film '.repeat(600)}`,
        label: i % 2 ? 'positive' : 'negative',
      }))
      const body = rows.map((row) => JSON.stringify(row)).join('\n')
      const headers = { 'content-type': 'application/jsonl' }
      await target.attacker.send('POST', '/v1/datasets?name=long', { body, headers })
      const before = target.group?.killed() ?? 0
      // Its estimate is below the limit, but it may meet the memory of the server there, and be killed.
      const id = await launch(target, { dataset: 'long', micro_tokens: 10_240, batch_tokens: 10_240, steps: 1000 })
      const { error } = await waitForTraining(
        target,
        id,
        (training) => isOver(training) || (training.progress?.step ?? 0) > 0 || (target.group?.killed() ?? 0) > before,
      )
      await target.attacker.send('POST', `/v1/trainings/${id}/cancel`)
      const { status } = await waitForTraining(target, id, isOver)
      return { error, status }
    },
    expects: { error: undefined, status: 'cancelled' },
  },
  {
    name: 'trainings with absurd settings',
    async run(target) {
      await launch(target, { steps: 1 })
      const outcomes: Record<string, string> = {}
      for (const settings of [
        { micro_tokens: 1e9 },
        { micro_tokens: 131_072, batch_tokens: 4_194_304, max_tokens: 2048, steps: 1 },
        { batch_size: 1e9 },
        { steps: 1e300 },
        { learning_rate: 1e308, steps: 3 },
        { learning_rate: 0 },
        { rank: 4096 },
        { rank: 2 ** 53 },
        { method: 'soft-prompt', tokens: 8000 },
        { max_tokens: 8192 },
        { dropout: 1 },
        { seed: -1 },
        { threads: 1e6 },
        { label_words: { positive: 'good', negative: 'good' } },
        { method: '__proto__' },
        { calibration_rows: 1e9 },
        { metadata: { ['k'.repeat(1e5)]: 'x' } },
      ])
        outcomes[JSON.stringify(settings).slice(0, 60)] = await tryTraining(target, settings)
      return Object.entries(outcomes).filter(
        ([, outcome]) => !/^(4\d\d |succeeded|failed: )/.test(outcome) || /internal|50\d/.test(outcome),
      )
    },
    expects: [],
  },
]
