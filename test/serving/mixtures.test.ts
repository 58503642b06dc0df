import { expect, test, vi } from 'vitest'
import type { LoadedProgram, Pool } from '../../graph/runtime/pool.ts'
import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { type Membership, openMixtures } from '../../serving/mixtures.ts'
import type { Mixture } from '../../serving/queue-entry.ts'
import { base } from './adapters.ts'
import { entryOf, readyAdapter } from './queue-entries.ts'

interface FakeProgram {
  /** How many slots it has. */
  slots: number
  unloaded: boolean
  /** Ends the current runs. */
  finish(): void
}

/** A pool whose runs end when the test calls `finish`, with a logit of 0 for each label. */
function fakePool(): { pool: Pool; programs: FakeProgram[]; failure: { isOn: boolean } } {
  const programs: FakeProgram[] = []
  const failure = { isOn: false }
  const pool: Pool = {
    size: 1,
    async load({ inputs }) {
      if (failure.isOn) throw new Error('no memory')
      let runs: (() => void)[] = []
      const program: FakeProgram = {
        slots: Object.keys(inputs).filter((name) => name.endsWith('.table')).length,
        unloaded: false,
        finish: () => {
          for (const endRun of runs) endRun()
          runs = []
        },
      }
      programs.push(program)
      const loaded: LoadedProgram = {
        run: (_, { batch, labels }) =>
          new Promise((resolve) => runs.push(() => resolve({ scores: new Float32Array(batch * labels) }))),
        unload: async () => {
          program.unloaded = true
        },
      }
      return loaded
    },
    close: async () => {},
  }
  return { pool, programs, failure }
}

const lora = (rank: number): MethodConfig => parseMethod({ method: 'lora', rank })
const full = parseMethod({ method: 'full' })
const values = new Float32Array(new SharedArrayBuffer(4))
const loadedOf = (programs: readonly FakeProgram[]) => programs.filter(({ unloaded }) => !unloaded)
const nextTick = () => new Promise((resolve) => setTimeout(resolve, 5))

const entryFor = (mixture: Mixture, method: MethodConfig) =>
  entryOf(readyAdapter(mixture, method, values), Int32Array.of(5, 1))

test('adapters of the same configuration share a program', async () => {
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  const memberships: Membership[] = []
  for (let i = 0; i < 20; i++) memberships.push(await mixtures.join({ method: lora(4), values }))
  for (const { leave } of memberships.slice(1)) leave()
  memberships.push(await mixtures.join({ method: lora(4), values }))
  expect(programs.map(({ slots }) => slots)).toEqual([1])
  expect(new Set(memberships.map(({ mixture }) => mixture)).size).toBe(1)
})

test('a running batch ends on its own program, which is unloaded only then', async () => {
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  const { mixture } = await mixtures.join({ method: lora(4), values })
  const running = mixture.computeLogits([entryFor(mixture, lora(4))])
  await mixtures.join({ method: lora(8), values })
  expect(programs.map(({ slots, unloaded }) => [slots, unloaded])).toEqual([
    [1, false],
    [2, false],
  ])
  programs[0].finish()
  expect(await running).toEqual([new Float32Array(2)])
  expect(programs.map(({ unloaded }) => unloaded)).toEqual([true, false])
  const next = mixture.computeLogits([entryFor(mixture, lora(8)), entryFor(mixture, lora(4))])
  programs[1].finish()
  expect(await next).toHaveLength(2)
})

test('an adapter is held while a batch reads its values', async () => {
  const { pool, programs } = fakePool()
  const { mixture } = await openMixtures(base, pool).join({ method: lora(4), values })
  let held = 0
  const hold = () => {
    held++
    return () => held--
  }
  const entry = entryFor(mixture, lora(4))
  const running = mixture.computeLogits([{ ...entry, adapter: { ...entry.adapter, hold } }, entry])
  expect(held).toBe(1)
  programs[0].finish()
  await running
  expect(held).toBe(0)
})

test('at most four configurations share a program, and each full model has its own', async () => {
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  await Promise.all([1, 2, 3, 4, 5, 6].map((rank) => mixtures.join({ method: lora(rank), values })))
  const weights = new Float32Array([...base.tensors.values()].reduce((sum, { length }) => sum + length, 0))
  const models = [
    await mixtures.join({ method: full, values: weights }),
    await mixtures.join({ method: full, values: weights }),
  ]
  expect(
    loadedOf(programs)
      .map(({ slots }) => slots)
      .sort(),
  ).toEqual([0, 0, 2, 4])
  for (const { leave } of models) leave()
  expect(loadedOf(programs)).toHaveLength(2)
})

test('a configuration without adapters is removed after a while, and the program goes with the last one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  const memberships = [
    await mixtures.join({ method: lora(1), values }),
    await mixtures.join({ method: lora(2), values }),
  ]
  memberships[0].leave()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(loadedOf(programs).map(({ slots }) => slots)).toEqual([1])
  memberships[1].leave()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(loadedOf(programs)).toEqual([])
  const { mixture } = await mixtures.join({ method: lora(2), values })
  vi.useRealTimers()
  const logits = mixture.computeLogits([entryFor(mixture, lora(2))])
  programs[programs.length - 1].finish()
  expect(await logits).toHaveLength(1)
})

test('if a new program cannot be loaded, the new adapter fails and the others are still served', async () => {
  const { pool, programs, failure } = fakePool()
  const mixtures = openMixtures(base, pool)
  const { mixture } = await mixtures.join({ method: lora(1), values })
  failure.isOn = true
  await expect(mixtures.join({ method: lora(2), values })).rejects.toThrow('no memory')
  const logits = mixture.computeLogits([entryFor(mixture, lora(1))])
  programs[0].finish()
  expect(await logits).toHaveLength(1)
  failure.isOn = false
  await mixtures.join({ method: lora(3), values })
  await nextTick()
  expect(loadedOf(programs).map(({ slots }) => slots)).toEqual([2])
})
