import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { catalogue, type ErrorCode } from '../../core/catalogue.ts'

const [head, ...sections] = (await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')).split(/^## /m)
const byCode = new Map(sections.map((section) => [section.slice(0, section.indexOf('\n')), section]))

// The two forms of an error, each with the fix at the end. A fix ends with a period or with a command to run.
const MISMATCH = /^> (?!The )\S[^\n]*: expected \S[^\n]*, but found \S[^\n]*\. [A-Z][^\n]*(?:\.|run: [^\n]+)$/
const PROBLEM = /^> (?!the )\S+ [^\n]+\. [A-Z][^\n]*(?:\.|run: [^\n]+)$/

test('docs/errors.md lists exactly the codes of the catalogue, in alphabetical order', () => {
  expect([...byCode.keys()]).toEqual(Object.keys(catalogue).sort())
  expect(byCode.size).toBe(sections.length)
})

test.each(Object.keys(catalogue) as ErrorCode[])(
  'docs/errors.md explains %s with its title, meaning, an example and a remedy',
  (code) => {
    const { title, status, exit } = catalogue[code]
    const [line, meaning, example, remedy] = (byCode.get(code) ?? '').trim().split('\n\n').slice(1)
    expect(line).toBe(`**${title}.** HTTP ${status}, exit ${exit}.`)
    expect(meaning).toMatch(/^[A-Z].*\.$/s)
    expect(example).toMatch(/: expected |, but found /.test(example) ? MISMATCH : PROBLEM)
    expect(remedy).toMatch(/^\*\*Remedy\.\*\* \S.*\.$/s)
  },
)

test('the example problem in docs/errors.md has the fields of a real one', () => {
  const shown = JSON.parse(head.match(/```json\n(.*?)```/s)?.[1] ?? 'null')
  const { title, status } = catalogue.adapter_unknown
  expect(shown).toMatchObject({ title, status, code: 'adapter_unknown', type: '/docs/errors#adapter_unknown' })
  expect(shown.detail).toBe(`${shown.subject}: expected ${shown.expected}, but found ${shown.found}.`)
})
