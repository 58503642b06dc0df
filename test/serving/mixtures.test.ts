import { describe, expect, test, vi } from 'vitest'
import type { LoadedProgram, Pool } from '../../graph/runtime/pool.ts'
import { type MethodConfig, parseMethod } from '../../model/methods/registry.ts'
import { MAX_BATCH_BYTES } from '../../serving/batching.ts'
import { type Membership, openMixtures } from '../../serving/mixtures.ts'
import type { QueueEntry, ReadyAdapter } from '../../serving/queue-entry.ts'
import { prepareBase } from '../../serving/served-base.ts'
import { base } from './adapters.ts'
import { entryOf, readyAdapter } from './queue-entries.ts'

interface FakeProgram {
  /** `adapter` for batches of a single adapter, or `shared`. */
  kind: string
  /** False if it gives its memory back after each batch. */
  keepsMemory: boolean
  /** How many batches have started on it. */
  batches: number
  unloaded: boolean
  /** Ends the current runs. */
  finish(): void
}

/** A pool whose runs end when the test calls `finish`, with a logit of 0 for each label. */
function fakePool(): { pool: Pool; programs: FakeProgram[]; failure: { of?: string } } {
  const programs: FakeProgram[] = []
  const failure: { of?: string } = {}
  const pool: Pool = {
    size: 1,
    async load({ name }, _, { keepMemory = true } = {}) {
      if (failure.of === name) throw new Error('no memory')
      let runs: (() => void)[] = []
      const program: FakeProgram = {
        kind: name,
        keepsMemory: keepMemory,
        batches: 0,
        unloaded: false,
        finish: () => {
          for (const endRun of runs) endRun()
          runs = []
        },
      }
      programs.push(program)
      const loaded: LoadedProgram = {
        run: (_, { batch, labels }) => {
          program.batches++
          return new Promise((resolve) => runs.push(() => resolve({ scores: new Float32Array(batch * labels) })))
        },
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
/** As many zeros as any configuration here needs. Only what is read takes memory. */
const values = new Float32Array(new SharedArrayBuffer(2 ** 28))
const sharedOf = (programs: readonly FakeProgram[]) =>
  programs.filter(({ kind, unloaded }) => kind === 'shared' && !unloaded)
const singleOf = (programs: readonly FakeProgram[]) =>
  programs.filter(({ kind, unloaded }) => kind === 'adapter' && !unloaded)
const nextTick = () => new Promise((resolve) => setTimeout(resolve, 5))

const adapterIn = ({ mixture }: Membership, method: MethodConfig): ReadyAdapter => readyAdapter(mixture, method, values)
const entryFor = (adapter: ReadyAdapter): QueueEntry => entryOf(adapter, Int32Array.of(5, 1))

async function openTest() {
  const fake = fakePool()
  const mixtures = openMixtures(prepareBase(base, 'f32'), fake.pool)
  const join = async (method: MethodConfig) => {
    const membership = await mixtures.join({ method, values })
    return { ...membership, adapter: adapterIn(membership, method) }
  }
  return { ...fake, mixtures, join }
}

describe('a batch of one adapter', () => {
  test('runs on the program of its configuration, whatever else is served', async () => {
    const { programs, join } = await openTest()
    const [{ adapter, mixture }] = [await join(lora(4)), await join(lora(8)), await join(lora(4))]
    const logits = mixture.computeLogits([entryFor(adapter), entryFor(adapter)])
    expect(programs.map(({ kind, batches }) => [kind, batches])).toContainEqual(['adapter', 1])
    expect(sharedOf(programs)).toMatchObject([{ batches: 0 }])
    for (const { finish } of programs) finish()
    expect(await logits).toHaveLength(2)
  })

  test('takes the same memory, however large the configurations beside it are', async () => {
    const { join } = await openTest()
    const { mixture, adapter } = await join(lora(4))
    const measure = () => mixture.batchBytes(adapter)(200, { length: 5, labels: 2, isMixed: false })
    const alone = measure()
    for (const rank of [64, 512, 1024]) await join(lora(rank))
    expect(measure()).toBe(alone)
    expect(alone).toBeLessThan(MAX_BATCH_BYTES)
  })

  test('keeps its adapter in place while it runs', async () => {
    const { programs, join } = await openTest()
    const { mixture, adapter } = await join(lora(4))
    let held = 0
    const hold = () => {
      held++
      return () => held--
    }
    const running = mixture.computeLogits([entryFor({ ...adapter, hold })])
    expect(held).toBe(1)
    programs[0].finish()
    await running
    expect(held).toBe(0)
  })
})

describe('the shared program', () => {
  test('exists once a configuration has a second adapter, and all its adapters use it', async () => {
    const { programs, join } = await openTest()
    await join(lora(4))
    await join(lora(8))
    expect(sharedOf(programs)).toEqual([])
    const memberships = []
    for (let i = 0; i < 20; i++) memberships.push(await join(lora(4)))
    for (const { leave } of memberships.slice(1)) leave()
    memberships.push(await join(lora(4)))
    expect(programs.map(({ kind }) => kind)).toEqual(['adapter', 'adapter', 'shared'])
    expect(new Set(memberships.map(({ mixture }) => mixture)).size).toBe(1)
  })

  test('runs batches of several adapters', async () => {
    const { programs, join } = await openTest()
    const [one, other] = [await join(lora(4)), await join(lora(4))]
    const logits = one.mixture.computeLogits([entryFor(one.adapter), entryFor(other.adapter)])
    expect(sharedOf(programs)).toMatchObject([{ batches: 1 }])
    sharedOf(programs)[0].finish()
    expect(await logits).toEqual([new Float32Array(2), new Float32Array(2)])
  })

  test('is not for several configurations: their adapters have different mixtures', async () => {
    const { programs, join, mixtures } = await openTest()
    const joined = await Promise.all([1, 2, 3, 4, 5, 6].map((rank) => join(lora(rank))))
    expect(new Set(joined.map(({ mixture }) => mixture)).size).toBe(6)
    const weights = new Float32Array([...base.tensors.values()].reduce((sum, { length }) => sum + length, 0))
    const models = [
      await mixtures.join({ method: full, values: weights }),
      await mixtures.join({ method: full, values: weights }),
    ]
    expect(sharedOf(programs)).toEqual([])
    expect(singleOf(programs)).toHaveLength(8)
    for (const { leave } of models) leave()
    expect(singleOf(programs)).toHaveLength(6)
  })

  test.each([
    ['with many parameters', lora(256)],
    ['that needs batches of its own', parseMethod({ method: 'prefix' })],
  ])('has no configuration %s: its adapters each have a mixture of their own, on one program', async (_, method) => {
    const { programs, join } = await openTest()
    const [one, other] = [await join(method), await join(method)]
    expect(one.mixture).not.toBe(other.mixture)
    expect(sharedOf(programs)).toEqual([])
    expect(singleOf(programs)).toHaveLength(1)
    const shape = { length: 5, labels: 2, isMixed: false }
    expect(one.mixture.batchBytes(one.adapter)(2, { ...shape, isMixed: true })).toBeGreaterThan(MAX_BATCH_BYTES)
    expect(one.mixture.batchBytes(one.adapter)(2, shape)).toBeLessThan(MAX_BATCH_BYTES)
  })

  test('is charged for the parameters of each row', async () => {
    const { join } = await openTest()
    const [{ mixture, adapter }] = [await join(lora(64)), await join(lora(64))]
    const [few, many] = [10, 20].map((rows) =>
      mixture.batchBytes(adapter)(rows, { length: 5, labels: 2, isMixed: true }),
    )
    // LoRA on the queries and values of the embedded base has 4,096 parameters for each rank.
    expect((many - few) / 10).toBeGreaterThan(4 * 4096 * 64)
  })
})

test('a configuration without adapters is removed after a while, and its programs with it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { programs, join } = await openTest()
  const memberships = [await join(lora(1)), await join(lora(2)), await join(lora(2))]
  memberships[0].leave()
  await vi.advanceTimersByTimeAsync(10_000)
  expect([sharedOf(programs).length, singleOf(programs).length]).toEqual([1, 1])
  memberships[1].leave()
  memberships[2].leave()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(programs.every(({ unloaded }) => unloaded)).toBe(true)
  const { mixture, adapter } = await join(lora(2))
  const logits = mixture.computeLogits([entryFor(adapter)])
  programs.at(-1)?.finish()
  expect(await logits).toHaveLength(1)
})

test('a configuration that gets an adapter again in time keeps its program', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { programs, join } = await openTest()
  const { leave } = await join(lora(1))
  leave()
  await join(lora(1))
  await vi.advanceTimersByTimeAsync(10_000)
  expect(programs).toMatchObject([{ unloaded: false }])
})

test.each([
  ['adapter', 2],
  ['shared', 1],
])('if the %s program cannot be loaded, the new adapter fails and the others are still served', async (kind, rank) => {
  const { programs, failure, join } = await openTest()
  const { mixture, adapter } = await join(lora(1))
  failure.of = kind
  await expect(join(lora(rank))).rejects.toThrow('no memory')
  const logits = mixture.computeLogits([entryFor(adapter)])
  programs[0].finish()
  expect(await logits).toHaveLength(1)
  failure.of = undefined
  const next = await join(lora(rank))
  const later = next.mixture.computeLogits([entryFor(next.adapter)])
  for (const { finish } of programs) finish()
  expect(await later).toHaveLength(1)
})

describe('the memory of a batch', () => {
  test('is kept for the next by the first eight programs, and given back by the others', async () => {
    const { programs, join } = await openTest()
    const memberships: Membership[] = []
    for (let rank = 200; rank < 210; rank++) memberships.push(await join(lora(rank)))
    const countKeeping = () => singleOf(programs).filter(({ keepsMemory }) => keepsMemory).length
    expect([countKeeping(), singleOf(programs).length]).toEqual([8, 10])
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    memberships[0].leave()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(countKeeping()).toBe(7)
    await join(lora(220))
    expect(countKeeping()).toBe(8)
  })

  test('is given back if it is large: a long text runs on a program that is loaded for it once', async () => {
    const { programs, join } = await openTest()
    const { mixture, adapter, leave } = await join(lora(200))
    const run = async (tokens: number) => {
      const logits = mixture.computeLogits([entryOf(adapter, new Int32Array(tokens))])
      await nextTick()
      for (const { finish } of programs) finish()
      expect(await logits).toHaveLength(1)
    }
    await run(512)
    for (let i = 0; i < 2; i++) await run(2048)
    expect(programs).toMatchObject([
      { keepsMemory: true, batches: 1 },
      { keepsMemory: false, batches: 2 },
    ])
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    leave()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(programs.every(({ unloaded }) => unloaded)).toBe(true)
  })
})

test('there is room for 64 programs: then another adapter has to leave, unless its configuration is there', async () => {
  const { mixtures, join } = await openTest()
  const memberships: Membership[] = []
  for (let rank = 200; rank < 264; rank++) memberships.push(await join(lora(rank)))
  expect([mixtures.hasRoomFor(lora(1)), mixtures.hasRoomFor(full), mixtures.hasRoomFor(lora(200))]).toEqual([
    false,
    false,
    true,
  ])
  memberships[0].leave()
  expect(mixtures.hasRoomFor(lora(1))).toBe(true)
})
