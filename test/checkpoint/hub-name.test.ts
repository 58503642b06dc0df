import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  formatHubOrigin,
  originOfFolder,
  parseHubName,
  parseHubOrigin,
  snapshotFolder,
} from '../../checkpoint/hub-name.ts'
import type { GraftError } from '../../core/errors.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'

describe('a name on the hub', () => {
  test.each([
    ['google-t5/t5-small', { repo: 'google-t5/t5-small', revision: 'main' }],
    ['hf:google-t5/t5-small', { repo: 'google-t5/t5-small', revision: 'main' }],
    ['hf:google-t5/t5-small@v1.0', { repo: 'google-t5/t5-small', revision: 'v1.0' }],
    ['owner/name_1.5@refs/pr/3', { repo: 'owner/name_1.5', revision: 'refs/pr/3' }],
    [`o/n@${COMMIT}`, { repo: 'o/n', revision: COMMIT }],
    // This folder exists, but hf: is always the hub.
    ['hf:test/fixtures', { repo: 'test/fixtures', revision: 'main' }],
  ])('is %s', (text, name) => {
    expect(parseHubName(text)).toEqual(name)
  })

  test.each([
    't5-small',
    './owner/name',
    '../owner/name',
    '/owner/name',
    'owner/name/more',
    'owner/name/',
    'C:\\owner\\name',
    'owner--x/name',
    'owner/na..me',
    '-owner/name',
    'owner/name@',
    'owner/name@../../x',
    'owner/name@a//b',
    'owner/name@-x',
    `owner/${'n'.repeat(100)}`,
    'test/fixtures',
  ])('is not %s, which is a folder', (text) => {
    expect(parseHubName(text)).toBeUndefined()
  })

  test('is not a folder that exists where the path is relative to', () => {
    expect(parseHubName('fixtures/parity', 'test')).toBeUndefined()
    expect(parseHubName('fixtures/parity')).toEqual({ repo: 'fixtures/parity', revision: 'main' })
  })

  test.each(['hf:', 'hf:t5-small', 'hf:../x', 'hf:a/b@..', 'hf:a/b/c'])('with hf: must be valid: %s', (text) => {
    let error: unknown
    try {
      parseHubName(text)
    } catch (thrown) {
      error = thrown
    }
    expect((error as GraftError).code).toBe('usage')
  })
})

test('a folder of the cache of huggingface_hub has an origin, and other folders have none', () => {
  const origin = { repo: 'google-t5/t5-small', commit: COMMIT }
  const dir = snapshotFolder('cache', origin)
  expect(dir).toBe(join('cache', 'models--google-t5--t5-small', 'snapshots', COMMIT))
  expect(originOfFolder(dir)).toEqual(origin)
  expect(originOfFolder(`${dir}/`)).toEqual(origin)
  expect(originOfFolder(join('models--t5-small', 'snapshots', COMMIT))).toEqual({ repo: 't5-small', commit: COMMIT })
  expect(originOfFolder(join(dir, 'inner'))).toBeUndefined()
  expect(originOfFolder('models--a--b/snapshots/main')).toBeUndefined()
})

test('an origin is written as a name with a commit', () => {
  const origin = { repo: 'owner/name', commit: COMMIT }
  expect(formatHubOrigin(origin)).toBe(`hf:owner/name@${COMMIT}`)
  expect(parseHubOrigin(formatHubOrigin(origin))).toEqual(origin)
  for (const text of ['hf:owner/name', 'hf:owner/name@main', `owner/name@${COMMIT}`, 'Wikipedia'])
    expect(parseHubOrigin(text)).toBeUndefined()
})
