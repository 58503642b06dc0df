import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { openBackend } from '../platform/open-workplace.ts'
import { getAdapter, listAdapters } from '../platform/store/adapters.ts'
import { ensureBase } from '../platform/store/bases.ts'
import { createDataset } from '../platform/store/datasets.ts'
import { type EventRow, listEvents } from '../platform/store/training-events.ts'
import { getTraining, listTrainings, type TrainingRow } from '../platform/store/trainings.ts'
import { parseTrainingSpec, type TrainingSpec } from '../training/spec.ts'
import { train } from '../training/train.ts'
import type { Launch } from './kill-matrix-process.ts'

interface Where {
  databaseUrl: string
  home: string
}

const STEPS = 150
const EVALUATE_EVERY = 50
const SEEDS = [0, 1, 2]

/** Some seconds of steps on the embedded base. */
const specOf = (seed: number, out = '-'): TrainingSpec =>
  parseTrainingSpec({
    data: 'samples/train.jsonl',
    test: 'samples/test.jsonl',
    out,
    seed,
    steps: STEPS,
    evaluate_every: EVALUATE_EVERY,
    batch_tokens: 800,
    save_seconds: 0.5,
    threads: 1,
    device: 'cpu',
  })

/** The digest of the weights for each seed, when nothing is killed. */
export async function undisturbed(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-undisturbed-'))
  try {
    const digests: string[] = []
    for (const seed of SEEDS) {
      const out = join(folder, String(seed))
      await train(specOf(seed, out), () => {}, new AbortController().signal, false)
      digests.push(
        createHash('sha256')
          .update(readFileSync(join(out, 'adapter_model.safetensors')))
          .digest('hex'),
      )
    }
    return digests
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Puts there what trainings need. @returns what to launch */
export async function store(where: Where, count: number): Promise<Launch[]> {
  const workplace = await openBackend(where)
  const { db } = workplace.store
  const base = await loadBase(embeddedBase)
  const { id: base_id } = await ensureBase(db, {
    name: 'embedded',
    fingerprint: base.fingerprint,
    shape: base.t5,
    parameters: 1,
    bytes: 1,
  })
  const dataset = async (name: string) => {
    const { digest, bytes } = await workplace.artifacts.put([readFileSync(`samples/${name}.jsonl`)])
    const counts = { rows: 1, labels: {}, duplicates: 0 }
    return (await createDataset(db, { name, digest, bytes, format: 'jsonl', ...counts })).id
  }
  const dataset_id = await dataset('train')
  const test_dataset_id = await dataset('test')
  await workplace.close()
  return Array.from({ length: count }, (_, n) => {
    const { base: _base, data: _data, test: _test, out: _out, ...spec } = specOf(SEEDS[n % SEEDS.length])
    return { key: String(n), base_id, dataset_id, test_dataset_id, spec }
  })
}

export interface Found {
  table: Record<string, string | number>
  wrong: string[]
  /** Seconds between the last word of a lost worker and the next one's first, for each. */
  delays: number[]
}

export async function check(
  where: Where,
  launches: readonly Launch[],
  acknowledged: ReadonlyMap<string, string>,
  digests: readonly string[],
): Promise<Found> {
  const workplace = await openBackend(where)
  const { db } = workplace.store
  const wrong: string[] = []
  const delays: number[] = []
  const rows = (await listTrainings(db, { limit: 100 })).data
  const adapters = (await listAdapters(db, { limit: 100 })).data
  if (rows.length !== launches.length) wrong.push(`${launches.length} launched, ${rows.length} there`)
  if (adapters.length !== launches.length) wrong.push(`${launches.length} launched, ${adapters.length} adapters`)
  let same = 0
  let events = 0
  for (const { key, spec } of launches) {
    const id = acknowledged.get(key)
    const row = id === undefined ? undefined : await getTraining(db, id).catch(() => undefined)
    if (!row) {
      wrong.push(`training ${key} was acknowledged and is lost`)
      continue
    }
    const told = await listEvents(db, row.id, 0, 10_000)
    events += told.length
    wrong.push(...faultsOf(row, told).map((fault) => `training ${key}: ${fault}`))
    delays.push(...delaysOf(told))
    const digest = row.adapter_id === null ? undefined : (await getAdapter(db, row.adapter_id)).digest
    if (digest === digests[SEEDS.indexOf(spec.seed)]) same++
    else wrong.push(`training ${key}: other bytes than undisturbed`)
  }
  await workplace.close()
  const ended = rows.filter(({ status }) => status === 'succeeded').length
  const slices = rows.reduce((sum, row) => sum + row.slices, 0)
  const longest = Math.max(0, ...delays)
  return {
    table: {
      launched: launches.length,
      acknowledged: acknowledged.size,
      succeeded: ended,
      'same bytes': same,
      slices,
      losses: delays.length,
      'longest delay, s': Number(longest.toFixed(1)),
      events,
      faults: wrong.length,
    },
    wrong,
    delays,
  }
}

/** What of the events is lost, twice, or out of order. */
function faultsOf(row: TrainingRow, told: readonly EventRow[]): string[] {
  const faults: string[] = []
  const expect = (what: string, found: unknown, expected: unknown) => {
    if (JSON.stringify(found) !== JSON.stringify(expected)) faults.push(`${what}: ${JSON.stringify(found)}`)
  }
  const events = told.map(({ event }) => event)
  const upTo = (count: number, every = 1) => Array.from({ length: count / every }, (_, i) => every * (i + 1))
  const stepsOf = (type: 'step' | 'saved') => events.flatMap((event) => (event.type === type ? [event.step] : []))
  expect('status', [row.status, row.error], ['succeeded', null])
  expect(
    'numbers',
    told.map(({ number }) => number),
    told.map((_, i) => i + 1),
  )
  expect('steps', stepsOf('step'), upTo(STEPS))
  expect(
    'points',
    events.flatMap((event) => (event.type === 'point' ? [event.point.step] : [])),
    upTo(STEPS, EVALUATE_EVERY),
  )
  expect(
    'states',
    stepsOf('saved'),
    [...new Set(stepsOf('saved'))].sort((a, b) => a - b),
  )
  for (const type of ['plan', 'done'] as const) expect(type, events.filter((event) => event.type === type).length, 1)
  const statuses = events.flatMap((event) => (event.type === 'status' ? [event.status] : []))
  expect('slices', statuses.filter((status) => status === 'running').length, row.slices)
  expect(
    'ends',
    statuses.filter((status) => !['queued', 'running'].includes(status)),
    ['succeeded'],
  )
  expect('last', statuses.at(-1), 'succeeded')
  return faults
}

/** From the last event before a loss to the next slice. */
function delaysOf(told: readonly EventRow[]): number[] {
  return told.flatMap(({ event, created_at }, i) => {
    if (event.type !== 'status' || event.status !== 'queued' || !event.error) return []
    const next = told.slice(i).find(({ event: later }) => later.type === 'status' && later.status === 'running')
    const before = told[i - 1]?.created_at ?? created_at
    return next ? [(next.created_at.getTime() - before.getTime()) / 1000] : []
  })
}
