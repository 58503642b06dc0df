import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { openBackend } from '../platform/open-backend.ts'
import { selectAdapter, selectAdapterPage } from '../platform/store/adapters.ts'
import { ensureBase } from '../platform/store/bases.ts'
import { insertDataset } from '../platform/store/datasets.ts'
import { type EventRow, selectEvents } from '../platform/store/training-events.ts'
import { selectTrainingById, selectTrainingPage, type TrainingRow } from '../platform/store/trainings.ts'
import { parseTrainingSpec, type TrainingSpec } from '../training/spec.ts'
import { train } from '../training/train.ts'
import type { Launch } from './kill-matrix-process.ts'

interface Location {
  databaseUrl: string
  home: string
}

const STEPS = 150
const EVALUATE_EVERY = 50
const SEEDS = [0, 1, 2]

/** Returns a training of some seconds on the embedded base. */
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

/** Trains once for each seed without kills. @returns the digests of the weights */
export async function digestsWithoutKills(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'graft-without-kills-'))
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

/** Stores the base and the data sets. @returns the trainings to launch */
export async function prepareLaunches(location: Location, count: number): Promise<Launch[]> {
  const backend = await openBackend(location)
  const { db } = backend.store
  const base = await loadBase(embeddedBase)
  const { id: base_id } = await ensureBase(db, {
    name: 'embedded',
    fingerprint: base.fingerprint,
    config: base.config,
    parameters: 1,
    bytes: 1,
  })
  const dataset = async (name: string) => {
    const { digest, bytes } = await backend.artifacts.put([readFileSync(`samples/${name}.jsonl`)])
    const counts = { rows: 1, labels: {}, duplicates: 0 }
    return (await insertDataset(db, { name, digest, bytes, format: 'jsonl', ...counts })).id
  }
  const dataset_id = await dataset('train')
  const test_dataset_id = await dataset('test')
  await backend.close()
  return Array.from({ length: count }, (_, n) => {
    const { base: _base, data: _data, test: _test, out: _out, ...spec } = specOf(SEEDS[n % SEEDS.length])
    return { key: String(n), base_id, dataset_id, test_dataset_id, spec }
  })
}

/** The counts to print, and the faults that were found. */
export interface CheckResult {
  table: Record<string, string | number>
  faults: string[]
  /** Seconds between the last event of a killed worker and the start of the next slice, for each failed attempt. */
  delays: number[]
}

/** Checks the trainings after all have ended. */
export async function checkTrainings(
  location: Location,
  launches: readonly Launch[],
  acknowledged: ReadonlyMap<string, string>,
  digests: readonly string[],
): Promise<CheckResult> {
  const backend = await openBackend(location)
  const { db } = backend.store
  const faults: string[] = []
  const delays: number[] = []
  const rows = (await selectTrainingPage(db, { limit: 100 })).data
  const adapters = (await selectAdapterPage(db, { limit: 100 })).data
  if (rows.length !== launches.length) faults.push(`${launches.length} launched, ${rows.length} found`)
  if (adapters.length !== launches.length) faults.push(`${launches.length} launched, ${adapters.length} adapters`)
  let identical = 0
  let events = 0
  for (const { key, spec } of launches) {
    const id = acknowledged.get(key)
    const row = id === undefined ? undefined : await selectTrainingById(db, id).catch(() => undefined)
    if (!row) {
      faults.push(`training ${key} was acknowledged but is lost`)
      continue
    }
    const eventRows = await selectEvents(db, row.id, 0, 10_000)
    events += eventRows.length
    faults.push(...faultsOf(row, eventRows).map((fault) => `training ${key}: ${fault}`))
    delays.push(...delaysOf(eventRows))
    const digest = row.adapter_id === null ? undefined : (await selectAdapter(db, row.adapter_id)).digest
    if (digest === digests[SEEDS.indexOf(spec.seed)]) identical++
    else faults.push(`training ${key}: its bytes differ from those without kills`)
  }
  await backend.close()
  const succeeded = rows.filter(({ status }) => status === 'succeeded').length
  const slices = rows.reduce((sum, row) => sum + row.slices, 0)
  const longest = Math.max(0, ...delays)
  return {
    table: {
      launched: launches.length,
      acknowledged: acknowledged.size,
      succeeded,
      'same bytes': identical,
      slices,
      'failed attempts': delays.length,
      'longest delay, s': Number(longest.toFixed(1)),
      events,
      faults: faults.length,
    },
    faults,
    delays,
  }
}

/** Returns the events that are lost, repeated or out of order, and other faults of a training. */
function faultsOf(row: TrainingRow, eventRows: readonly EventRow[]): string[] {
  const faults: string[] = []
  const expect = (name: string, found: unknown, expected: unknown) => {
    if (JSON.stringify(found) !== JSON.stringify(expected)) faults.push(`${name}: ${JSON.stringify(found)}`)
  }
  const events = eventRows.map(({ event }) => event)
  const multiplesUpTo = (count: number, every = 1) => Array.from({ length: count / every }, (_, i) => every * (i + 1))
  const stepsOf = (type: 'step' | 'saved') => events.flatMap((event) => (event.type === type ? [event.step] : []))
  expect('status', [row.status, row.error], ['succeeded', null])
  expect(
    'numbers',
    eventRows.map(({ number }) => number),
    eventRows.map((_, i) => i + 1),
  )
  expect('steps', stepsOf('step'), multiplesUpTo(STEPS))
  expect(
    'points',
    events.flatMap((event) => (event.type === 'evaluation' ? [event.step] : [])),
    multiplesUpTo(STEPS, EVALUATE_EVERY),
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

/** Returns the seconds from the last event before each failed attempt to the next slice. */
function delaysOf(eventRows: readonly EventRow[]): number[] {
  return eventRows.flatMap(({ event, created_at }, i) => {
    if (event.type !== 'status' || event.status !== 'queued' || !event.error) return []
    const next = eventRows.slice(i).find(({ event: later }) => later.type === 'status' && later.status === 'running')
    const before = eventRows[i - 1]?.created_at ?? created_at
    return next ? [(next.created_at.getTime() - before.getTime()) / 1000] : []
  })
}
