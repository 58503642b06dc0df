import { expect, test } from 'vitest'
import { measureBaseline } from '../../../training/baseline/baseline.ts'
import { requireClasses } from '../../../training/data/examples.ts'
import { holdOut } from '../../../training/data/held-out.ts'
import { makeDataFiles } from './data-files.ts'

const { read } = makeDataFiles()

/** Names that every object of JavaScript has as properties, such as constructor and __proto__. */
const names = Object.getOwnPropertyNames(Object.prototype)
const rows = names.flatMap((label) =>
  Array.from({ length: 4 }, (_, i) => ({ label, text: `Film ${i} about ${label}.` })),
)

test.each([
  ['JSON lines', rows.map((row) => JSON.stringify(row)).join('\n')],
  ['a JSON array', JSON.stringify(rows)],
  ['CSV', ['label,text', ...rows.map(({ label, text }) => `${label},${text}`)].join('\n')],
  ['the format of fastText', rows.map(({ label, text }) => `__label__${label} ${text}`).join('\n')],
])('names of properties are labels like any other in %s', async (_, content) => {
  const { examples, ...counts } = await read(content)
  expect([...counts.labels]).toEqual(names.map((name) => [name, 4]))
  requireClasses(counts, 'labels')
  expect((await read(content, { labels: names })).rows).toBe(rows.length)
  await expect(read(content, { labels: names.slice(1) })).rejects.toMatchObject({
    code: 'data_label',
    detail: { found: expect.stringContaining(JSON.stringify(names[0])) },
  })
  const { trained, heldOut } = holdOut(examples, names.length, 1)
  expect(new Set(heldOut.map(({ label }) => label))).toEqual(new Set(names))
  expect(trained.length + heldOut.length).toBe(rows.length)
  expect(measureBaseline(examples, examples).accuracy).toBeGreaterThan(0.5)
})
