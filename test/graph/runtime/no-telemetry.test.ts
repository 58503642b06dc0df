import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { freshPath } from '../../checkpoint/helpers.ts'

/**
 * Runs a program on a thread in a process with a new temporary folder, and returns the files in that folder. ONNX
 * Runtime's telemetry leaves its log there.
 */
function filesAfterRun(environment: Record<string, string>): string[] {
  const folder = freshPath('temporary')
  mkdirSync(folder, { recursive: true })
  const url = (file: string) => JSON.stringify(resolve(file))
  const script = `
    import { openPool } from ${url('graph/runtime/pool.ts')}
    import { input } from ${url('graph/ops/leaf.ts')}
    import { relu } from ${url('graph/ops/elementwise.ts')}
    import { buildProgram } from ${url('graph/program.ts')}
    const pool = openPool(1)
    const loaded = await pool.load(buildProgram('one', { y: relu(input('x', 'f32', [1])) }), {})
    console.log((await loaded.run({ x: Float32Array.of(3) }, {})).y[0])
    await pool.close()`
  const file = `${folder}-one.mjs`
  writeFileSync(file, script)
  // Pass no other variables: ONNX Runtime sends no telemetry if one of them, such as `CI`, indicates a CI service.
  const { stdout, stderr } = spawnSync(process.execPath, [file], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: folder, ...environment },
    encoding: 'utf8',
  })
  expect(stdout.trim(), stderr).toBe('3')
  return readdirSync(folder)
}

test('ONNX Runtime sends no telemetry', () => {
  expect(filesAfterRun({})).toEqual([])
})

test.runIf(process.platform === 'linux')('the check above would notice telemetry', () => {
  expect(filesAfterRun({ ORT_DISABLE_TELEMETRY: '0' }).join()).toContain('mat-debug')
})
