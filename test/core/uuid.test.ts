import { expect, test } from 'vitest'
import { isUuid, uuidv7 } from '../../core/uuid.ts'

test('ids are distinct UUIDs of version 7 that sort in their order of creation', () => {
  const before = Date.now()
  const ids = Array.from({ length: 20_000 }, uuidv7)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  const time = Number.parseInt(ids[0].replace('-', '').slice(0, 12), 16)
  expect(time - before).toBeGreaterThanOrEqual(0)
  expect(time - before).toBeLessThan(1_000)
})

test('a text that is not a UUID is not accepted as one', () => {
  expect(isUuid(uuidv7().toUpperCase())).toBe(true)
  for (const text of ['', 'imdb', `${uuidv7()}0`, ` ${uuidv7()}`, uuidv7().replaceAll('-', '')])
    expect(isUuid(text)).toBe(false)
})
