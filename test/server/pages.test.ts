import { expect, test } from 'vitest'
import { makePages } from '../../server/pages/pages.ts'
import { readProblem, start } from './start.ts'

const pages = makePages({
  document: Buffer.from('<!doctype html>the pages'),
  assets: new Map([['main-ABC.js', Buffer.from('run()')]]),
})
const browser = { headers: { accept: 'text/html,*/*' } }

test('a browser gets the pages at their paths, with a strict policy', async () => {
  const { url } = await start({ appOptions: { pages } })
  for (const path of ['/', '/trainings', '/trainings/x?tab=1', '/data/new', '/adapters', '/compare/x', '/playground']) {
    const response = await fetch(url + path, browser)
    expect(await response.text(), path).toBe('<!doctype html>the pages')
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
})

test('the files of the pages are cached for a year, because their names change with their content', async () => {
  const { url } = await start({ appOptions: { pages } })
  for (const encoding of ['gzip', 'identity', 'gzip;q=0']) {
    const encoded = await fetch(`${url}/assets/main-ABC.js`, { headers: { 'accept-encoding': encoding } })
    expect(encoded.headers.get('content-encoding'), encoding).toBe(encoding === 'gzip' ? 'gzip' : null)
    expect(await encoded.text(), encoding).toBe('run()')
  }
  const response = await fetch(`${url}/assets/main-ABC.js`)
  expect(await response.text()).toBe('run()')
  expect(response.headers.get('content-type')).toMatch(/^text\/javascript/)
  expect(response.headers.get('cache-control')).toContain('immutable')
  for (const name of ['main-OLD.js', '../index.html', '%2e%2e/index.html'])
    expect((await fetch(`${url}/assets/${name}`)).status).toBe(404)
})

test('clients of the API get no page: other paths, other clients and other methods are answered as before', async () => {
  const { url } = await start({ appOptions: { pages } })
  expect(await readProblem(await fetch(`${url}/trainings`))).toMatchObject({
    code: 'not_found',
    fix: expect.stringContaining('/v1/trainings'),
  })
  expect(await readProblem(await fetch(`${url}/trainings`, { ...browser, method: 'POST' }))).toMatchObject({
    code: 'not_found',
  })
  expect(await readProblem(await fetch(`${url}/v1/nothing`, browser))).toMatchObject({ code: 'not_found' })
  expect((await fetch(`${url}/docs`, browser)).headers.get('content-type')).toMatch(/^text\/html/)
  expect(await (await fetch(`${url}/v1/adapters`, browser)).json()).toMatchObject({ data: expect.any(Array) })
  const redirect = await fetch(url, { redirect: 'manual' })
  expect([redirect.status, redirect.headers.get('location')]).toEqual([302, '/docs'])
})

test('a page of another site cannot load the pages of a server without keys', async () => {
  const { url } = await start({ appOptions: { pages } })
  const headers = { ...browser.headers, host: 'films.example' }
  const { request } = await import('node:http')
  const status = await new Promise((resolve) => {
    request(`${url}/trainings`, { headers }, (response) => resolve(response.statusCode)).end()
  })
  expect(status).toBe(403)
})
