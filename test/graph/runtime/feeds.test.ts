import { describe, expect, onTestFinished, test } from 'vitest'
import { relu } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { buildProgram } from '../../../graph/program.ts'
import { openDevice } from '../../../graph/runtime/device.ts'
import { openPool, type Pool } from '../../../graph/runtime/pool.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

const runtimes: [name: string, available: boolean, open: () => Pool][] = [
  ['CPU threads', true, () => openPool(2)],
  [onSoftwareVulkan('WebGPU'), softwareVulkan, openDevice],
]

describe.each(runtimes)('on %s', (_, available, open) => {
  const openPoolForTest = () => {
    const pool = open()
    onTestFinished(() => pool.close())
    return pool
  }

  test.skipIf(!available)('pieces are fed as one value, with zeros after them', async () => {
    const loaded = await openPoolForTest().load(
      buildProgram('concatenation', { y: relu(input('x', 'f32', ['rows', 3])) }),
      {},
    )
    // A device pads nineteen rows to twenty.
    const pieces = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5)]
    const { y } = await loaded.run({ x: { pieces } }, { rows: 19 })
    expect([...y]).toEqual([1, 2, 3, 4, 5, ...Array<number>(52).fill(0)])
  })

  test.skipIf(!available)('bound data is freed when the last program that uses it is unloaded', async () => {
    const pool = openPoolForTest()
    const bound = { x: new Float32Array(new SharedArrayBuffer(8)) }
    const one = buildProgram('bound', { y: relu(input('x', 'f32', [2])) })
    bound.x.set([1, 2])
    const loaded = [await pool.load(one, bound), await pool.load(one, bound)]
    for (const { run, unload } of loaded) {
      expect([...(await run({}, {})).y]).toEqual([1, 2])
      await unload()
    }
    // If the data had stayed on the device, the program would read the old values.
    bound.x.set([3, 4])
    expect([...(await (await pool.load(one, bound)).run({}, {})).y]).toEqual([3, 4])
  })
})
