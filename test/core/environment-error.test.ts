import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { toPlain } from '../../core/to-plain.ts'

/** Returns the error of work that must fail. */
async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('the work did not fail')
}

const connectTo = (port: number) =>
  new Promise((resolve, reject) => connect(port, '127.0.0.1').on('connect', resolve).on('error', reject))

test.each([
  ['a file that is not there', () => statSync('/nowhere/file'), 'refused stat: no such file or directory (ENOENT)'],
  [
    'a folder where a file should be',
    () => readFileSync('/'),
    'refused read: illegal operation on a directory (EISDIR)',
  ],
  ['a port on which nobody listens', () => connectTo(1), 'refused connect: connection refused (ECONNREFUSED)'],
])('%s is a refusal of the operating system, and not a bug in Graft', async (_, work, problem) => {
  const plain = toPlain(await errorOf(work))
  expect(plain).toMatchObject({ code: 'system_failed', problem })
  expect(JSON.stringify(plain)).not.toContain('bug')
})

test('a package that is missing is named, without the path of the installation', async () => {
  const missing = [() => import('no-such-package' as string), () => createRequire(import.meta.url)('no-such-package')]
  for (const work of missing) {
    const { code, subject, fix } = toPlain(await errorOf(work))
    expect({ code, subject }).toEqual({ code: 'installation_broken', subject: 'no-such-package' })
    expect(fix).toContain('npm ci')
  }
})

test('a native library that does not fit the machine is a broken installation', async () => {
  const library = createRequire(import.meta.url).resolve('zod/package.json')
  const { code, problem } = toPlain(await errorOf(() => process.dlopen({ exports: {} }, library)))
  expect(code).toBe('installation_broken')
  expect(problem).toMatch(/^cannot be loaded: \S/)
  expect(problem).not.toContain('/')
})

test('memory that is not there is no bug either, and an error that another one wraps is found', async () => {
  const error = await errorOf(() => new Float64Array(2 ** 40))
  expect(toPlain(new Error('outer', { cause: error }))).toMatchObject({
    code: 'system_failed',
    subject: 'the memory of the machine',
  })
})

test('any other error is a bug', () => {
  expect(toPlain(new TypeError('x is not a function'))).toMatchObject({ code: 'internal' })
})
