import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../core/entry.ts'

const read = (name: string) => readFileSync(join(packageRoot, name), 'utf8')

test('the images of other projects are pinned to a version, and Node to that of the lock file', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } }
  const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image]) => image)
  expect(new Set(bases)).toEqual(new Set([`node:${devDependencies.node}-bookworm-slim`]))
  const { services } = parse(read('compose.yaml'), { merge: true }) as {
    services: Record<string, { image: string; deploy: { resources: { limits: { memory: string } } } }>
  }
  for (const { image, deploy } of Object.values(services)) {
    expect(image).toMatch(/^(graft|[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)?)$/)
    expect(deploy.resources.limits.memory).toMatch(/^\d+[GM]$/)
  }
})
