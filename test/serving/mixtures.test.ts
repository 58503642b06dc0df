import { expect, test, vi } from 'vitest'
import type { Loaded, Pool } from '../../graph/runtime/pool.ts'
import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { openMixtures, type Seat } from '../../serving/mixtures.ts'
import { base } from './adapters.ts'

interface FakeProgram {
  /** The slots that it was made with. */
  slots: number
  unloaded: boolean
  /** Ends the runs that wait. */
  finish(): void
}

/** Threads on which runs end when the test says so, with a score of 0 for each label. */
function fakePool(): { pool: Pool; programs: FakeProgram[]; refuse: { next: boolean } } {
  const programs: FakeProgram[] = []
  const refuse = { next: false }
  const pool: Pool = {
    size: 1,
    async load({ inputs }) {
      if (refuse.next) throw new Error('no memory')
      let waiting: (() => void)[] = []
      const program: FakeProgram = {
        slots: Object.keys(inputs).filter((name) => name.endsWith('.table')).length,
        unloaded: false,
        finish: () => {
          for (const end of waiting) end()
          waiting = []
        },
      }
      programs.push(program)
      const loaded: Loaded = {
        run: (_, { batch, labels }) =>
          new Promise((resolve) => waiting.push(() => resolve({ scores: new Float32Array(batch * labels) }))),
        unload: async () => {
          program.unloaded = true
        },
      }
      return loaded
    },
    close: async () => {},
  }
  return { pool, programs, refuse }
}

const lora = (rank: number): MethodConfig => parseMethod({ method: 'lora', rank })
const full = parseMethod({ method: 'full' })
const values = new Float32Array(new SharedArrayBuffer(4))
const open = (programs: readonly FakeProgram[]) => programs.filter(({ unloaded }) => !unloaded)
const settled = () => new Promise((resolve) => setTimeout(resolve, 5))

const rowOf = (method: MethodConfig) => ({
  ids: Int32Array.of(5, 1),
  words: [3, 4],
  adapter: { method, values, hold: () => () => {} },
})

test('an adapter of a configuration that is there needs no program made', async () => {
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  const seats: Seat[] = []
  for (let i = 0; i < 20; i++) seats.push(await mixtures.join({ method: lora(4), values }))
  for (const { leave } of seats.slice(1)) leave()
  seats.push(await mixtures.join({ method: lora(4), values }))
  expect(programs.map(({ slots }) => slots)).toEqual([1])
  expect(new Set(seats.map(({ mixture }) => mixture)).size).toBe(1)
})

test('a batch that runs ends on the program that it began with, which is unloaded then', async () => {
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  const { mixture } = await mixtures.join({ method: lora(4), values })
  const running = mixture.score([rowOf(lora(4))])
  await mixtures.join({ method: lora(8), values })
  expect(programs.map(({ slots, unloaded }) => [slots, unloaded])).toEqual([
    [1, false],
    [2, false],
  ])
  programs[0].finish()
  expect(await running).toEqual([new Float32Array(2)])
  expect(programs.map(({ unloaded }) => unloaded)).toEqual([true, false])
  const next = mixture.score([rowOf(lora(8)), rowOf(lora(4))])
  programs[1].finish()
  expect(await next).toHaveLength(2)
})

test('what a batch reads is held until its run ends', async () => {
  const { pool, programs } = fakePool()
  const { mixture } = await openMixtures(base, pool).join({ method: lora(4), values })
  let held = 0
  const hold = () => {
    held++
    return () => held--
  }
  const row = rowOf(lora(4))
  const running = mixture.score([{ ...row, adapter: { ...row.adapter, hold } }, row])
  expect(held).toBe(1)
  programs[0].finish()
  await running
  expect(held).toBe(0)
})

test('four configurations share a program at most, and each full model has its own', async () => {
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  await Promise.all([1, 2, 3, 4, 5, 6].map((rank) => mixtures.join({ method: lora(rank), values })))
  const weights = new Float32Array([...base.tensors.values()].reduce((sum, { length }) => sum + length, 0))
  const whole = [
    await mixtures.join({ method: full, values: weights }),
    await mixtures.join({ method: full, values: weights }),
  ]
  expect(
    open(programs)
      .map(({ slots }) => slots)
      .sort(),
  ).toEqual([0, 0, 2, 4])
  for (const { leave } of whole) leave()
  expect(open(programs)).toHaveLength(2)
})

test('configurations without adapters go after a while, and the last one takes the program with it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { pool, programs } = fakePool()
  const mixtures = openMixtures(base, pool)
  const seats = [await mixtures.join({ method: lora(1), values }), await mixtures.join({ method: lora(2), values })]
  seats[0].leave()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(open(programs).map(({ slots }) => slots)).toEqual([1])
  seats[1].leave()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(open(programs)).toEqual([])
  const { mixture } = await mixtures.join({ method: lora(2), values })
  vi.useRealTimers()
  const scores = mixture.score([rowOf(lora(2))])
  programs[programs.length - 1].finish()
  expect(await scores).toHaveLength(1)
})

test('a program that cannot be loaded fails what came with it, and those before are served on', async () => {
  const { pool, programs, refuse } = fakePool()
  const mixtures = openMixtures(base, pool)
  const { mixture } = await mixtures.join({ method: lora(1), values })
  refuse.next = true
  await expect(mixtures.join({ method: lora(2), values })).rejects.toThrow('no memory')
  const scores = mixture.score([rowOf(lora(1))])
  programs[0].finish()
  expect(await scores).toHaveLength(1)
  refuse.next = false
  await mixtures.join({ method: lora(3), values })
  await settled()
  expect(open(programs).map(({ slots }) => slots)).toEqual([2])
})
