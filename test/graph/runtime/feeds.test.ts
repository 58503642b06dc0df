import { describe, expect, onTestFinished, test } from 'vitest'
import { relu } from '../../../graph/ops/elementwise.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { program } from '../../../graph/program.ts'
import { openDevice } from '../../../graph/runtime/device.ts'
import { openPool, type Pool } from '../../../graph/runtime/pool.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../software-vulkan.ts'

const places: [string, boolean, () => Pool][] = [
  ['threads of the CPU', true, () => openPool(2)],
  [onSoftwareVulkan('WebGPU'), softwareVulkan, openDevice],
]

describe.each(places)('on %s', (_, there, open) => {
  const opened = () => {
    const pool = open()
    onTestFinished(() => pool.close())
    return pool
  }

  test.skipIf(!there)('pieces are fed as one value, with zeros between and after them', async () => {
    const loaded = await opened().load(program('joined', { y: relu(input('x', 'f32', ['rows', 3])) }), {})
    // Nineteen rows are padded on a device.
    const pieces = [3, Float32Array.of(1, 2, 3, 4), 2, Float32Array.of(5)]
    const { y } = await loaded.run({ x: { pieces } }, { rows: 19 })
    expect([...y]).toEqual([0, 0, 0, 1, 2, 3, 4, 0, 0, 5, ...Array<number>(47).fill(0)])
  })

  test.skipIf(!there)('what a program is bound to leaves with the last program that is', async () => {
    const pool = opened()
    const bound = { x: new Float32Array(new SharedArrayBuffer(8)) }
    const one = program('bound', { y: relu(input('x', 'f32', [2])) })
    bound.x.set([1, 2])
    const loaded = [await pool.load(one, bound), await pool.load(one, bound)]
    for (const { run, unload } of loaded) {
      expect([...(await run({}, {})).y]).toEqual([1, 2])
      await unload()
    }
    // Where it had stayed, the device would go on to read what was uploaded first.
    bound.x.set([3, 4])
    expect([...(await (await pool.load(one, bound)).run({}, {})).y]).toEqual([3, 4])
  })
})
