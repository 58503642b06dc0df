import { expect, test } from 'vitest'
import type { KeyScope } from '../../platform/schemas/statuses.ts'
import type { Access } from '../../platform/use-cases/access.ts'
import { makeApp } from '../../server/app.ts'
import { fakePlatform } from '../platform/fake-platform.ts'

/** The scopes that each key has: its own and those that it includes. */
const allowed: Record<KeyScope, readonly string[]> = {
  predict: ['none', 'predict'],
  train: ['none', 'predict', 'train'],
  metrics: ['none', 'metrics'],
  admin: ['none', 'predict', 'train', 'metrics', 'admin'],
}
const scopes = Object.keys(allowed) as KeyScope[]

const access: Access = {
  hasKeys: async () => true,
  verify: async (secret) => {
    const scope = scopes.find((name) => secret === `graft_${name}`)
    return scope && { owner: scope, scopes: [scope] }
  },
}

interface Operation {
  method: string
  path: string
  /** The scope that the document declares. */
  scope: string
}

async function fetchOperations(app: ReturnType<typeof makeApp>): Promise<Operation[]> {
  const { paths } = (await (await app.request('/openapi.json')).json()) as {
    paths: Record<string, Record<string, { security: { key?: string[] }[] }>>
  }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path,
      scope: security.flatMap(({ key = [] }) => key)[0] ?? 'none',
    })),
  )
}

test('every operation of the document accepts exactly the keys whose scope it declares', async () => {
  const failedKeyRate = { requests: 10_000, seconds: 60 }
  const app = makeApp(await fakePlatform(), { version: '1', access, failedKeyRate, rateLimit: false })
  const operations = await fetchOperations(app)
  expect(operations.length).toBeGreaterThan(50)
  expect(new Set(operations.map(({ scope }) => scope))).toEqual(new Set(['none', ...scopes]))

  for (const { method, path, scope } of operations) {
    /** Asks for things that do not exist, without a body. */
    const outcomeOf = async (authorization?: string) => {
      const target = path.replace(/\{\w+\}/g, 'nothing')
      const response = await app.request(target, { method, headers: authorization ? { authorization } : {} })
      await response.body?.cancel()
      return response.status === 401 || response.status === 403 ? response.status : 'allowed'
    }
    const outcomes = {
      none: await outcomeOf(),
      bogus: await outcomeOf('Bearer graft_bogus'),
      ...Object.fromEntries(
        await Promise.all(scopes.map(async (key) => [key, await outcomeOf(`Bearer graft_${key}`)])),
      ),
    }
    const withoutKey = scope === 'none' ? 'allowed' : 401
    expect({ method, path, outcomes }).toEqual({
      method,
      path,
      outcomes: {
        none: withoutKey,
        bogus: withoutKey,
        ...Object.fromEntries(scopes.map((key) => [key, allowed[key].includes(scope) ? 'allowed' : 403])),
      },
    })
  }
})
