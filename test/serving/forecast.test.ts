import { beforeEach, expect, test, vi } from 'vitest'
import type { GraftError } from '../../core/errors.ts'
import { makeForecast, type WatchedRequest } from '../../serving/forecast.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))

const count = (request: WatchedRequest, rows: number) => {
  for (let i = 0; i < rows; i++) request.countRow()
}

/** Lets a second pass in which some rows of a request are answered. */
const second = (request: WatchedRequest, rows: number) => {
  count(request, rows)
  vi.advanceTimersByTime(1000)
}

function watch(forecast: ReturnType<typeof makeForecast>, rows: number, client = 'a') {
  const errors: GraftError[] = []
  const request = forecast.watch(client, rows, (error) => void errors.push(error))
  if (errors.length > 0) request.end()
  return { request, errors }
}

test('the requests that cannot be complete in time end when the rate is known, and the ones before them continue', () => {
  const forecast = makeForecast(60_000)
  const [first, later, third] = [watch(forecast, 200), watch(forecast, 200), watch(forecast, 200)]
  const other = watch(forecast, 30, 'b')
  for (let i = 0; i < 2; i++) second(first.request, 4)
  expect(third.errors).toEqual([])
  second(first.request, 4)
  // 388 rows at 4 a second take 97 s, and 57 remain.
  expect(first.errors).toEqual([])
  expect(later.errors[0]?.detail).toMatchObject({ problem: expect.stringMatching(/about 97 seconds for 388 texts/) })
  expect(third.errors).toHaveLength(1)
  expect(later.errors[0].code).toBe('overloaded')
  expect(other.errors).toEqual([])
})

test('a request is refused at once while the client already has more than can be done', () => {
  const forecast = makeForecast(60_000)
  const first = watch(forecast, 250)
  for (let i = 0; i < 5; i++) second(first.request, 5)
  const next = watch(forecast, 200)
  expect(next.errors).toHaveLength(1)
  expect(watch(forecast, 10).errors).toEqual([])
  expect(first.errors).toEqual([])
})

test('a client that sends few texts at a time may send many', () => {
  const forecast = makeForecast(60_000)
  const steady = watch(forecast, 40)
  for (let i = 0; i < 30; i++) second(steady.request, 1)
  const many = watch(forecast, 4000)
  expect(many.errors).toEqual([])
})

test('a request whose adapter loads slowly is left to its deadline', () => {
  const forecast = makeForecast(60_000)
  const { errors } = watch(forecast, 1000)
  vi.advanceTimersByTime(30_000)
  expect(errors).toEqual([])
})

test('without requests, there is no timer', () => {
  const forecast = makeForecast(60_000)
  const { request } = watch(forecast, 1000)
  expect(vi.getTimerCount()).toBe(1)
  request.end()
  expect(vi.getTimerCount()).toBe(0)
})
