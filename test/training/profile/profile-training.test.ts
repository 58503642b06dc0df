import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelOf } from '../../../model/architectures.ts'
import type { TrainingEvent } from '../../../training/events.ts'
import { layersOf } from '../../../training/profile/places.ts'
import type { Profile } from '../../../training/profile/profile.ts'
import { profileFileOf, profileTraining } from '../../../training/profile/profile-training.ts'
import type { Speedscope } from '../../../training/profile/speedscope.ts'
import type { TrainingSpec } from '../../../training/spec.ts'
import { expectError, freshPath, tinyT5 } from '../../checkpoint/helpers.ts'
import { tinySpec } from '../tiny.ts'
import { readFlameGraph } from './flame-graph.ts'

const originalTmpdir = process.env.TMPDIR
const temporary = freshPath('temporary')
beforeAll(() => {
  mkdirSync(temporary, { recursive: true })
  process.env.TMPDIR = temporary
})
afterAll(() => {
  if (originalTmpdir === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = originalTmpdir
})

/** Returns the folders of traces. ONNX Runtime always has other files next to them. */
const listTraces = () => readdirSync(temporary).filter((name) => name.startsWith('graft-'))

async function runProfile(spec: TrainingSpec): Promise<{ profile: Profile; graph: Speedscope }> {
  const events: TrainingEvent[] = []
  await profileTraining(spec, (event) => events.push(event))
  const last = events.at(-1)
  if (last?.type !== 'profile') throw new Error(`the last event is ${last?.type}`)
  return { profile: last.profile, graph: JSON.parse(readFileSync(profileFileOf(spec.out), 'utf8')) }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

describe.each([
  ['LoRA on two threads, with fewer steps than are measured', { steps: 2 }, 2],
  ['full fine-tuning with dropout on one thread', { method: 'full', dropout: 0.1, threads: 1 }, 1],
])('a profile of %s', (_, fields, threads) => {
  let measured: Awaited<ReturnType<typeof runProfile>>
  let spec: TrainingSpec
  beforeAll(async () => {
    spec = tinySpec(fields)
    measured = await runProfile(spec)
  })

  test('accounts for all the time of its threads, both by op and by layer', () => {
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

  test('has forward and backward times of every layer, the optimizer, and almost no time without a layer', async () => {
    const { profile } = measured
    const rows = new Map(profile.by_layer.map((row) => [row.layer, row]))
    const model = modelOf(await tinyT5())
    for (const layer of layersOf(model)) {
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

  test('has a valid flame graph for speedscope, with the times of the tables', () => {
    const { profile, graph } = measured
    expect(graph.$schema).toBe('https://www.speedscope.app/file-format-schema.json')
    expect(graph.profiles.map(({ name }) => name)).toEqual(threads === 1 ? ['thread 1'] : ['thread 1', 'thread 2'])
    const spent = readFlameGraph(graph)
    for (const { layer, forward_ms } of profile.by_layer.filter(({ forward_ms }) => forward_ms > 0)) {
      // The frame of a layer also contains the time between its kernels.
      const inGraph = spent('forward', layer) / profile.steps
      expect(inGraph, layer).toBeGreaterThan(0.99 * forward_ms - 0.01)
    }
    for (const step of [1, 2, 3]) expect(spent(`step ${step}`)).toBeGreaterThan(0)
    expect(spent('step 1') + spent('step 2') + spent('step 3')).toBeCloseTo(profile.steps * profile.thread_ms, 1)
  })

  test('leaves only the flame graph behind', () => {
    expect(existsSync(spec.out)).toBe(false)
    expect(existsSync(`${spec.out}.training`)).toBe(false)
    expect(listTraces()).toEqual([])
  })
})

test('a file at the path of the flame graph is kept, and no work is done', async () => {
  const spec = tinySpec({ threads: 1 })
  await runProfile(spec)
  const existing = readFileSync(profileFileOf(spec.out))
  const events: TrainingEvent[] = []
  await expectError(
    profileTraining(spec, (event) => events.push(event)),
    'output_exists',
    profileFileOf(spec.out),
  )
  expect(events).toEqual([])
  expect(readFileSync(profileFileOf(spec.out)).equals(existing)).toBe(true)
})

test('a profile that fails leaves neither traces nor a flame graph behind', async () => {
  const spec = tinySpec({ data: freshPath('none.jsonl') })
  await expectError(
    profileTraining(spec, () => {}),
    'file_missing',
    'none.jsonl',
  )
  // The traces exist when the last event is sent.
  const profile = profileTraining(tinySpec({ threads: 1 }), (event) => {
    if (event.type === 'profile') throw new Error('the listener failed')
  })
  await expect(profile).rejects.toThrow('the listener failed')
  expect(listTraces()).toEqual([])
  expect(existsSync(profileFileOf(spec.out))).toBe(false)
})
