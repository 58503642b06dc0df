import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { whyNoDisks } from '../e2e/small-disk.ts'
import type { Attack } from './attack.ts'
import { pack, stream } from './bombs.ts'
import type { Answer } from './client.ts'
import type { Target } from './target.ts'
import { isOver, launch, uploadSamples, waitForTraining } from './trainings.ts'

const MIB = 2 ** 20

const filler = ({ disk }: Target): string => join(disk, 'filler')

/** Fills the disk until so many bytes are free. */
function fill(target: Target, leave: number): void {
  const { bavail, bsize } = statfsSync(target.disk)
  const file = filler(target)
  try {
    writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - leave)))
  } catch {
    // Something else took the last pages.
  }
}

const empty = (target: Target): void => rmSync(filler(target), { force: true })

/** Does what needs space. */
async function write(target: Target): Promise<Answer[]> {
  const { attacker, good } = target
  const rows = Buffer.from('{"text":"a","label":"b"}\n{"text":"c","label":"d"}\n')
  return [
    await attacker.send('POST', '/v1/datasets?name=small', {
      body: rows,
      headers: { 'content-type': 'application/jsonl' },
    }),
    await attacker.send('POST', '/v1/adapters?name=small', {
      body: stream(pack(good)),
      headers: { 'content-type': 'application/x-tar' },
    }),
    await attacker.send('POST', '/v1/trainings', {
      body: { dataset: 'samples', steps: 2, threads: 1, batch_tokens: 256 },
    }),
  ]
}

const statusesOf = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status)

/** Does all that again when there is space, and removes it. */
async function recover(target: Target): Promise<number[]> {
  empty(target)
  await target.check()
  const answers = await write(target)
  const { status } = await waitForTraining(target, answers[2].body.id, isOver)
  const { attacker } = target
  for (const path of ['/v1/datasets/small', '/v1/adapters/small']) answers.push(await attacker.send('DELETE', path))
  return [...statusesOf(answers), Number(status === 'succeeded')]
}

const RECOVERED = [201, 201, 201, 204, 204, 1]

const skip = whyNoDisks

export const diskAttacks: readonly Attack[] = [
  {
    name: 'a disk with less than the reserve',
    skip,
    async run(target) {
      await uploadSamples(target)
      fill(target, 40 * MIB)
      const refused = statusesOf(await write(target))
      return { refused, recovered: await recover(target) }
    },
    expects: { refused: [507, 507, 507], recovered: RECOVERED },
  },
  {
    name: 'a disk without a single free byte',
    skip,
    async run(target) {
      await uploadSamples(target)
      fill(target, 0)
      const refused = statusesOf(await write(target))
      for (let i = 0; i < 20; i++) await target.innocent.check()
      return { refused, recovered: await recover(target) }
    },
    expects: { refused: [507, 507, 507], recovered: RECOVERED },
  },
  {
    name: 'a disk that becomes full during a training, which is cancelled then',
    skip,
    async run(target) {
      const id = await launch(target, { steps: 20_000 })
      await waitForTraining(target, id, ({ progress }) => (progress?.step ?? 0) > 0)
      fill(target, 0)
      const cancel = () => target.attacker.send('POST', `/v1/trainings/${id}/cancel`)
      const { status } = await cancel()
      await target.innocent.check()
      empty(target)
      await cancel()
      return [[200, 503, 507].includes(status), (await waitForTraining(target, id, isOver)).status]
    },
    expects: [true, 'cancelled'],
  },
  {
    name: 'an upload that fills the disk',
    skip,
    async run(target) {
      const { attacker } = target
      function* endless() {
        for (let i = 0; ; i++) yield Buffer.from(`{"text":"${'film '.repeat(20_000)}${i}","label":"good"}\n`)
      }
      fill(target, 150 * MIB)
      const body = stream(endless())
      const answer = await attacker.send('POST', '/v1/datasets?name=endless', {
        body,
        headers: { 'content-type': 'application/jsonl' },
      })
      empty(target)
      return answer
    },
    expects: { status: 507, code: 'disk_full' },
  },
]
