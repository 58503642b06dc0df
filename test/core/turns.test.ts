import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeTurns } from '../../core/turns.ts'

/** Serves all work and returns the clients in the order of their turns. */
function serveAll(clients: readonly string[]): string[] {
  const turns = makeTurns()
  let waiting = clients.map((client) => ({ client }))
  for (const client of clients) turns.enter(client)
  const served: string[] = []
  for (let work = turns.next(waiting); work; work = turns.next(waiting)) {
    const done = work
    turns.charge(done.client, 1)
    turns.leave(done.client)
    waiting = waiting.filter((one) => one !== done)
    served.push(done.client)
  }
  return served
}

test('clients take turns, however much work each has, and the one that came first begins', () => {
  expect(serveAll(['a', 'a', 'a', 'a', 'b', 'b', 'c'])).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a'])
})

test('between two turns of equal cost of a client, each other client has at most two', () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(names, (clients) => {
      const served = serveAll(clients)
      expect(served.toSorted()).toEqual(clients.toSorted())
      for (const client of new Set(clients)) {
        const at = served.flatMap((one, i) => (one === client ? [i] : []))
        for (const [i, from] of [-1, ...at].slice(0, -1).entries())
          for (const other of ['a', 'b', 'c', 'd'].filter((one) => one !== client))
            expect(served.slice(from + 1, at[i]).filter((one) => one === other).length).toBeLessThanOrEqual(2)
      }
    }),
  )
})

test('a client that comes again and again does not keep others from their turn', () => {
  const turns = makeTurns()
  const patient = { client: 'patient' }
  turns.enter('eager')
  turns.enter('patient')
  expect(turns.next([{ client: 'eager' }, patient])).toEqual({ client: 'eager' })
  turns.charge('eager', 1)
  turns.leave('eager')
  turns.enter('eager')
  expect(turns.next([{ client: 'eager' }, patient])).toBe(patient)
})

test('a client that arrives comes before the one that has just had a turn', () => {
  const turns = makeTurns()
  const [many, few] = [{ client: 'many' }, { client: 'few' }]
  turns.enter('many')
  expect(turns.next([many])).toBe(many)
  turns.charge('many', 1)
  turns.enter('few')
  expect(turns.next([many, few])).toBe(few)
})

test('nobody is next if no work waits', () => {
  expect(makeTurns().next([])).toBeUndefined()
})

test('clients with dear and with cheap work use the same in the long run, and one that asks for little is next', () => {
  const turns = makeTurns()
  const cost = { dear: 10, cheap: 1 }
  const used = { dear: 0, cheap: 0 }
  const both = [{ client: 'dear' as const }, { client: 'cheap' as const }]
  for (const { client } of both) turns.enter(client)
  for (let i = 0; i < 1100; i++) {
    const { client } = turns.next(both) as (typeof both)[number]
    used[client] += cost[client]
    turns.charge(client, cost[client])
    if (i % 100 === 50) {
      turns.enter('rare')
      const rare = { client: 'rare' as const }
      const served: string[] = []
      for (let work = turns.next([...both, rare]); work !== rare; work = turns.next([...both, rare])) {
        served.push((work as { client: string }).client)
        turns.charge((work as { client: string }).client, cost[(work as (typeof both)[number]).client])
      }
      expect(served.length).toBeLessThanOrEqual(2)
      turns.charge('rare', 1)
      turns.leave('rare')
    }
  }
  expect(Math.abs(used.dear - used.cheap)).toBeLessThan(150)
})

test('a client that comes again and again with little work pays for all of it', () => {
  const turns = makeTurns()
  const [patient, eager] = [{ client: 'patient' }, { client: 'eager' }]
  turns.enter('patient')
  const served: string[] = []
  for (let i = 0; i < 20; i++) {
    turns.enter('eager')
    const { client } = turns.next([patient, eager]) as { client: string }
    served.push(client)
    turns.charge(client, 1)
    turns.leave('eager')
  }
  expect(served.filter((client) => client === 'patient').length).toBeGreaterThanOrEqual(9)
})
