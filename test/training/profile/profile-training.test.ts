import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TrainingEvent } from '../../../training/events.ts'
import { layersOf } from '../../../training/profile/places.ts'
import type { Profile } from '../../../training/profile/profile.ts'
import { profileFileOf, profileTraining } from '../../../training/profile/profile-training.ts'
import type { Speedscope } from '../../../training/profile/speedscope.ts'
import type { TrainingSpec } from '../../../training/spec.ts'
import { expectError, freshPath, tinyT5 } from '../../checkpoint/helpers.ts'
import { tinySpec } from '../tiny.ts'
import { totals } from './flame-graph.ts'

const before = process.env.TMPDIR
const temporary = freshPath('temporary')
beforeAll(() => {
  mkdirSync(temporary, { recursive: true })
  process.env.TMPDIR = temporary
})
afterAll(() => {
  if (before === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = before
})

/** Folders of traces; ONNX Runtime has files of its own beside them, whatever it runs. */
const traces = () => readdirSync(temporary).filter((name) => name.startsWith('graft-'))

async function profiled(spec: TrainingSpec): Promise<{ profile: Profile; graph: Speedscope }> {
  const events: TrainingEvent[] = []
  await profileTraining(spec, (event) => events.push(event))
  const last = events.at(-1)
  if (last?.type !== 'profile') throw new Error(`it ended with ${last?.type}`)
  return { profile: last.profile, graph: JSON.parse(readFileSync(profileFileOf(spec.out), 'utf8')) }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

describe.each([
  ['LoRA on two threads, for fewer steps than are measured', { steps: 2 }, 2],
  ['full fine-tuning with dropout on one', { method: 'full', dropout: 0.1, threads: 1 }, 1],
])('a profile of %s', (_, fields, threads) => {
  let measured: Awaited<ReturnType<typeof profiled>>
  let spec: TrainingSpec
  beforeAll(async () => {
    spec = tinySpec(fields)
    measured = await profiled(spec)
  })

  test('accounts for all the time of its threads, by op and by layer alike', () => {
    const { profile } = measured
    expect(profile).toMatchObject({ steps: 3, threads, device: 'cpu', dispatches: 0 })
    expect(profile.thread_ms).toBeCloseTo(threads * profile.step_ms, 9)
    for (const rows of [profile.by_op, profile.by_layer]) {
      expect(sum(rows.map(({ ms }) => ms))).toBeCloseTo(profile.thread_ms, 6)
      expect(sum(rows.map(({ share }) => share))).toBeCloseTo(1, 9)
      for (const { ms } of rows) expect(ms).toBeGreaterThanOrEqual(0)
    }
    expect(sum(profile.by_op.map(({ calls }) => calls))).toBeCloseTo(sum(Object.values(profile.nodes)), 6)
  })

  test('tells forward from backward in every layer, the optimizer, and next to nothing that no layer has', async () => {
    const { profile } = measured
    const rows = new Map(profile.by_layer.map((row) => [row.layer, row]))
    const { t5 } = await tinyT5()
    for (const layer of layersOf(t5)) {
      const row = rows.get(layer)!
      expect(row.forward_ms, layer).toBeGreaterThan(0)
      expect(row.forward_ms + row.backward_ms, layer).toBeCloseTo(row.ms, 9)
      if (layer.includes('block')) expect(row.backward_ms, layer).toBeGreaterThan(0)
    }
    expect(rows.get('optimizer')).toMatchObject({ forward_ms: 0, backward_ms: 0 })
    expect(rows.get('optimizer')!.ms).toBeGreaterThan(0)
    expect(profile.unattributed).toBeLessThan(0.05)
    expect(profile.gflops).toBeGreaterThan(0)
  })

  test("its flame graph is a valid file of speedscope's, with the times of the tables", () => {
    const { profile, graph } = measured
    expect(graph.$schema).toBe('https://www.speedscope.app/file-format-schema.json')
    expect(graph.profiles.map(({ name }) => name)).toEqual(threads === 1 ? ['thread 1'] : ['thread 1', 'thread 2'])
    const spent = totals(graph)
    for (const { layer, forward_ms } of profile.by_layer.filter(({ forward_ms }) => forward_ms > 0)) {
      // A layer's own frame holds the pauses between its kernels as well.
      const inGraph = spent('forward', layer) / profile.steps
      expect(inGraph, layer).toBeGreaterThan(0.99 * forward_ms - 0.01)
    }
    for (const step of [1, 2, 3]) expect(spent(`step ${step}`)).toBeGreaterThan(0)
    expect(spent('step 1') + spent('step 2') + spent('step 3')).toBeCloseTo(profile.steps * profile.thread_ms, 1)
  })

  test('leaves nothing but the flame graph', () => {
    expect(existsSync(spec.out)).toBe(false)
    expect(existsSync(`${spec.out}.training`)).toBe(false)
    expect(traces()).toEqual([])
  })
})

test('a file that stands where the flame graph goes is kept, and no work is done', async () => {
  const spec = tinySpec({ threads: 1 })
  await profiled(spec)
  const kept = readFileSync(profileFileOf(spec.out))
  const events: TrainingEvent[] = []
  await expectError(
    profileTraining(spec, (event) => events.push(event)),
    'output_exists',
    profileFileOf(spec.out),
  )
  expect(events).toEqual([])
  expect(readFileSync(profileFileOf(spec.out)).equals(kept)).toBe(true)
})

test('what fails leaves neither traces nor a flame graph', async () => {
  const spec = tinySpec({ data: freshPath('none.jsonl') })
  await expectError(
    profileTraining(spec, () => {}),
    'file_missing',
    'none.jsonl',
  )
  const late = tinySpec({ threads: 1 })
  // The traces are there by then.
  const stopped = profileTraining(late, (event) => {
    if (event.type === 'profile') throw new Error('the listener has gone')
  })
  await expect(stopped).rejects.toThrow('the listener has gone')
  expect(traces()).toEqual([])
  expect(existsSync(profileFileOf(spec.out))).toBe(false)
})
