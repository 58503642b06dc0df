import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archiveAttacks } from './archive-attacks.ts'
import type { Attack } from './attack.ts'
import { makeClient } from './client.ts'
import { whyNoGroup } from './control-group.ts'
import { datasetAttacks } from './dataset-attacks.ts'
import { diskAttacks } from './disk-attacks.ts'
import { httpAttacks } from './http-attacks.ts'
import { mcpAttacks } from './mcp-attacks.ts'
import { processAttacks } from './process-attacks.ts'
import { randomAttacks } from './random-attacks.ts'
import { shareAttacks } from './share-attacks.ts'
import { restartTarget, startTarget, stopTarget, type Target } from './target.ts'
import { textAttacks } from './text-attacks.ts'

const areas: Readonly<Record<string, readonly Attack[]>> = {
  'archives of adapters': archiveAttacks,
  'data sets': datasetAttacks,
  texts: textAttacks,
  'messages for MCP': mcpAttacks,
  'requests and connections': httpAttacks,
  'random input': randomAttacks,
  'holders of shares': shareAttacks,
  'accidents of the disk': diskAttacks,
  'accidents of processes': processAttacks,
}

let target: Target
beforeAll(async () => {
  target = await startTarget()
  await target.check()
})
afterAll(async () => {
  const { innocent, group } = target
  const memory = group
    ? `${Math.round(group.peakBytes() / 2 ** 20)} MiB, ${group.killed()} processes killed`
    : 'no limit'
  console.log(
    `memory: ${memory}; innocent predictions: ${innocent.checks}, the slowest in ${innocent.slowestSeconds.toFixed(1)} s`,
  )
  await stopTarget(target)
})

/** On a busy machine, an attack may take minutes. */
const TIMEOUT_MS = 240_000

/** Attacks while an innocent client uses the server. */
async function survive({ run, expects, interrupts }: Attack): Promise<void> {
  const stopWatching = target.innocent.watch(interrupts)
  const outcome = await run(target).finally(stopWatching)
  await target.check()
  expect({ outcome }).toMatchObject({ outcome: expects })
}

for (const [area, attacks] of Object.entries(areas))
  describe(`a server survives ${area}${whyNoGroup}:`, () => {
    for (const attack of attacks)
      test.skipIf(attack.skip)(`${attack.name}${attack.skip ?? ''}`, () => survive(attack), TIMEOUT_MS)
  })

/** Attacks that need different parts of the server, and leave nothing. */
const together = ['archives of adapters', 'data sets', 'texts', 'messages for MCP', 'requests and connections'].map(
  (area) => areas[area].slice(0, 3),
)

test(
  'a server survives attacks of all areas at a time',
  async () => {
    const stopWatching = target.innocent.watch()
    // Within an area, they run one after the other.
    const attacking = together.map(async (attacks) => {
      for (const { run } of attacks) await run(target)
    })
    await Promise.all(attacking).finally(stopWatching)
    await target.check()
  },
  TIMEOUT_MS,
)

test('a server that is killed continues where it was, with the same answers', async () => {
  target = await restartTarget(target)
  await target.check()
  const { status, body } = await makeClient(target.url, target.innocent.secret).send('GET', '/v1/adapters')
  expect([status, body.data.map(({ name }: { name: string }) => name)]).toEqual([200, expect.arrayContaining(['film'])])
})
