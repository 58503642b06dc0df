import { expect, test } from 'vitest'
import { makeFreeList } from '../../core/free-list.ts'

test('callers get items in the order of their calls', async () => {
  const list = makeFreeList(['a'])
  expect(await list.acquire()).toBe('a')
  const order: string[] = []
  const waiting = ['first', 'second'].map((name) => list.acquire().then(() => order.push(name)))
  list.release('a')
  await waiting[0]
  expect(order).toEqual(['first'])
  list.release('a')
  await waiting[1]
  expect(order).toEqual(['first', 'second'])
})

test('of the free items, the first one in the order of the list is used, whichever was released last', async () => {
  const list = makeFreeList(['a', 'b', 'c'])
  expect([await list.acquire(), await list.acquire()]).toEqual(['a', 'b'])
  list.release('a')
  list.release('b')
  expect(list.free).toBe(3)
  expect([await list.acquire(), await list.acquire(), await list.acquire()]).toEqual(['a', 'b', 'c'])
})

test('a caller that stops waiting takes no item with it', async () => {
  const list = makeFreeList(['a'])
  await list.acquire()
  const [left, late] = [new AbortController(), new AbortController()]
  const waiting = [list.acquire(left.signal), list.acquire(late.signal)].map((promise) => promise.catch(String))
  left.abort('left')
  expect(await waiting[0]).toBe('left')
  // The item arrives at the same moment as the abort.
  late.abort('too late')
  list.release('a')
  expect(await waiting[1]).toBe('too late')
  expect(await list.acquire()).toBe('a')
  await expect(list.acquire(AbortSignal.abort('at once'))).rejects.toBe('at once')
})
