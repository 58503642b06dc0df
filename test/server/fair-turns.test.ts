import { expect, test } from 'vitest'
import { makeFairTurns } from '../../server/fair-turns.ts'

test('requesters take turns, however many requests one of them has sent', async () => {
  const turns = makeFairTurns()
  const begun: string[] = []
  const send = async (requester: string, name: string) => {
    await turns.wait(requester)
    begun.push(name)
  }
  await Promise.all([
    send('greedy', 'g1'),
    send('greedy', 'g2'),
    send('greedy', 'g3'),
    send('modest', 'm1'),
    send('other', 'o1'),
    send('modest', 'm2'),
  ])
  expect(begun.slice(0, 3)).toEqual(['g1', 'm1', 'o1'])
  expect(begun.toSorted()).toEqual(['g1', 'g2', 'g3', 'm1', 'm2', 'o1'])
})

test('a requester that arrives waits for at most one request of each other', async () => {
  const turns = makeFairTurns()
  const begun: string[] = []
  const send = async (requester: string) => {
    await turns.wait(requester)
    begun.push(requester)
  }
  const crowd = ['a', 'b', 'c'].flatMap((requester) => Array.from({ length: 50 }, () => send(requester)))
  await send('a')
  begun.length = 0
  await send('late')
  expect(begun.length).toBeLessThanOrEqual(4)
  await Promise.all(crowd)
})

test('input and output happen between two requests', async () => {
  const turns = makeFairTurns()
  let wasRead = false
  setImmediate(() => {
    wasRead = true
  })
  const first = turns.wait('a')
  const second = turns.wait('a')
  await first
  await second
  expect(wasRead).toBe(true)
})
