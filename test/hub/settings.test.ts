import { mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { GraftError } from '../../core/errors.ts'
import { withToken } from '../../platform/hub/fetch.ts'
import { readHubSettings } from '../../platform/hub/settings.ts'
import { freshPath } from '../checkpoint/helpers.ts'

test('without environment variables, the hub is the public one and the cache that of huggingface_hub', () => {
  const cache = join(homedir(), '.cache/huggingface/hub')
  expect(readHubSettings({})).toMatchObject({ endpoint: 'https://huggingface.co', cache, offline: false })
  expect(
    readHubSettings({ HF_ENDPOINT: '', HF_TOKEN: ' ', HF_TOKEN_PATH: '', HF_HUB_OFFLINE: '', HF_HOME: '' }),
  ).toEqual(readHubSettings({}))
})

test('the cache follows the same variables as that of huggingface_hub, in the same order', () => {
  const env = { HOME: '/home/a', XDG_CACHE_HOME: '/xdg', HF_HOME: '/hf', HF_HUB_CACHE: '/cache' }
  expect(readHubSettings(env).cache).toBe('/cache')
  expect(readHubSettings({ ...env, HF_HUB_CACHE: '' }).cache).toBe(join('/hf/hub'))
  expect(readHubSettings({ ...env, HF_HUB_CACHE: '', HF_HOME: '' }).cache).toBe(join('/xdg/huggingface/hub'))
  expect(readHubSettings({ HOME: '/home/a' }).cache).toBe(join('/home/a/.cache/huggingface/hub'))
})

test.each(['1', 'ON', 'yes', 'True'])('HF_HUB_OFFLINE=%s is offline', (value) => {
  expect(readHubSettings({ HF_HUB_OFFLINE: value }).offline).toBe(true)
  expect(readHubSettings({ HF_HUB_OFFLINE: '0' }).offline).toBe(false)
})

test('an endpoint may have a path, and must be an address', () => {
  expect(readHubSettings({ HF_ENDPOINT: 'http://mirror.example:81/hub/' }).endpoint).toBe(
    'http://mirror.example:81/hub',
  )
  for (const HF_ENDPOINT of ['mirror.example', 'ftp://mirror.example', 'https://me:secret@mirror.example']) {
    const error = thrownBy(() => readHubSettings({ HF_ENDPOINT }))
    expect([error.code, error.detail.subject]).toEqual(['usage', 'HF_ENDPOINT'])
  }
})

test('a token with a space or a line break is refused without being shown', () => {
  for (const HF_TOKEN of ['hf_a secret', 'hf_a\nsecret', 'hf_sécret']) {
    const error = thrownBy(() => readHubSettings({ HF_TOKEN }))
    expect(error.code).toBe('usage')
    expect(error.message).not.toMatch(/s.?cret/)
  }
  expect(readHubSettings({ HF_TOKEN: ' hf_good\n' }).token).toBe('hf_good')
})

test('without HF_TOKEN, the token is the one that hf auth login stored, as in huggingface_hub', () => {
  const home = freshPath('hf')
  mkdirSync(home, { recursive: true })
  const tokenOf = (env: Record<string, string>) => readHubSettings({ HF_HOME: home, ...env }).token
  expect(tokenOf({})).toBeUndefined()
  writeFileSync(join(home, 'token'), 'hf_stored\n')
  writeFileSync(join(home, 'other'), 'hf_other')
  expect(tokenOf({})).toBe('hf_stored')
  expect(readHubSettings({ XDG_CACHE_HOME: home }).token).toBeUndefined()
  expect(tokenOf({ HF_TOKEN_PATH: join(home, 'other') })).toBe('hf_other')
  expect(tokenOf({ HF_TOKEN_PATH: join(home, 'none') })).toBeUndefined()
  expect(tokenOf({ HF_TOKEN: 'hf_env' })).toBe('hf_env')
  for (const HF_TOKEN of ['', 'hf_env'])
    expect(tokenOf({ HF_TOKEN, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined()
  expect(tokenOf({ HF_HUB_DISABLE_IMPLICIT_TOKEN: '0' })).toBe('hf_stored')
  writeFileSync(join(home, 'token'), 'hf_a secret')
  const wrong = thrownBy(() => tokenOf({}))
  expect([wrong.code, wrong.detail.subject]).toEqual(['usage', join(home, 'token')])
  expect(wrong.message).not.toContain('secret')
  const folder = thrownBy(() => tokenOf({ HF_TOKEN_PATH: home }))
  expect(folder.detail.problem).toContain('EISDIR')
})

test('only the origin of the hub gets the token, whatever headers a request has', () => {
  const settings = { ...readHubSettings({ HF_TOKEN: 'hf_good' }) }
  const tokenFor = (url: string) => withToken(url, { authorization: 'Bearer other' }, settings).get('authorization')
  expect(tokenFor('https://huggingface.co/api/models/a/b')).toBe('Bearer hf_good')
  for (const url of [
    'https://cdn.huggingface.co/x',
    'http://huggingface.co/x',
    'https://huggingface.co.evil.example/x',
  ])
    expect(tokenFor(url), url).toBeNull()
})

function thrownBy(work: () => unknown): GraftError {
  try {
    work()
  } catch (error) {
    return error as GraftError
  }
  throw new Error('nothing was thrown')
}
