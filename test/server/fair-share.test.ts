import { expect, test, vi } from 'vitest'
import { makeFairShare } from '../../server/fair-share.ts'

const share = (capacity: number) => makeFairShare({ capacity, noun: 'places', fix: 'Wait.' })
const key = (id: string) => ({ id, hasKey: true })

/** Takes one after the other until one is refused. @returns the number taken */
function takeAll(limit: ReturnType<typeof share>, id: string): number {
  for (let taken = 0; ; taken++) {
    try {
      limit.take(key(id), 1)
    } catch {
      return taken
    }
  }
}

test('a requester by itself gets three quarters, and the next one finds room at once', () => {
  const limit = share(1000)
  expect(takeAll(limit, 'a')).toBe(750)
  expect(takeAll(limit, 'b')).toBeGreaterThan(0)
})

test('a requester gets at most a quarter while another one is present, even if that one holds nothing', () => {
  const limit = share(1000)
  limit.take(key('b'), 1)()
  expect(takeAll(limit, 'a')).toBe(250)
})

test('a requester counts as the only one a minute after the last request of others', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const limit = share(1000)
  limit.take(key('b'), 1)()
  vi.advanceTimersByTime(61_000)
  expect(takeAll(limit, 'a')).toBe(750)
})

test('ten requesters that take what they can leave room for another one', () => {
  const limit = share(1000)
  for (let i = 0; i < 10; i++) expect(takeAll(limit, `greedy ${i}`)).toBeGreaterThan(0)
  limit.take(key('modest'), 1)
})

test('a requester that holds nothing may take all that is free, and no one more than that', () => {
  const limit = share(100)
  limit.take(key('a'), 30)
  expect(() => limit.take(key('b'), 71)).toThrow('The server already has 30 places, and its limit is 100')
  limit.take(key('b'), 70)
  expect(() => limit.take(key('a'), 1)).toThrow('The server')
})

test('a refusal names the key, or the address without keys', () => {
  const limit = share(4)
  for (let i = 0; i < 3; i++) limit.take({ id: 'a', hasKey: false }, 1)
  expect(() => limit.take({ id: 'a', hasKey: false }, 1)).toThrow('The address already has its share of the server: 3')
  expect(() => limit.take({ id: 'a', hasKey: true }, 1)).toThrow('The key already has its share')
})

test('what is given back can be taken again, and is given back only once', () => {
  const limit = share(4)
  const [release] = [0, 1, 2].map(() => limit.take(key('a'), 1))
  expect(() => limit.take(key('a'), 1)).toThrow()
  release()
  release()
  limit.take(key('a'), 1)
  expect(() => limit.take(key('a'), 1)).toThrow()
})
