import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { bundlePages } from '../../tools/bundle-pages.ts'

const files = await bundlePages()

test('the pages are under 100 kB gzipped, and their document has no script or style of its own', async () => {
  const bytes = files.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0)
  expect(bytes).toBeLessThan(100_000)
  const document = files.find(({ path }) => path.endsWith('index.html'))
  const html = Buffer.from(document?.contents ?? []).toString()
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/)
  for (const [, path] of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
    expect(path).toMatch(/-[A-Z0-9]{8}\.(?:js|css)$/)
    expect(files.map((file) => `/${file.path.replace(/^web\//, '')}`)).toContain(path)
  }
})

test('the pages talk to no other host', () => {
  const script = files.find(({ path }) => path.endsWith('.js'))
  const hosts = [
    ...Buffer.from(script?.contents ?? [])
      .toString()
      .matchAll(/https?:\/\/([\w.-]+)/g),
  ].map(([, host]) => host)
  expect(hosts.filter((host) => !['www.w3.org', '127.0.0.1', 'localhost'].includes(host))).toEqual([])
  expect(readFileSync(join(packageRoot, 'web/index.html'), 'utf8')).not.toMatch(/https?:\/\/(?!www\.w3\.org)/)
})
