import { gzipSync } from 'node:zlib'
import type { Attack } from './attack.ts'
import { repeat, stream } from './bombs.ts'
import type { Answer, Sent } from './client.ts'
import { waitUntilTidy } from './leftovers.ts'
import type { Target } from './target.ts'

const MIB = 2 ** 20

const upload = ({ attacker }: Target, body: Sent['body'], name = 'hostile', more: Sent = {}): Promise<Answer> =>
  attacker.send('POST', `/v1/datasets?name=${name}`, {
    body,
    ...more,
    headers: { 'content-type': 'application/octet-stream' },
  })

const row = (text: string, label: string) => `${JSON.stringify({ text, label })}\n`

function* after(head: string, rest: Iterable<Buffer>): Generator<Buffer> {
  yield Buffer.from(head)
  yield* rest
}

/** Returns a block again and again, compressed. Files of gzip one after the other are a file of gzip. */
function compressed(head: string, block: string, times: number): Buffer {
  const whole = gzipSync(block.repeat(Math.ceil((16 * MIB) / block.length)))
  return Buffer.concat([gzipSync(head), ...Array<Buffer>(times).fill(whole)])
}

/** Four gigabytes of JSON lines, a thousand times the compressed size. */
const jsonlBomb = () => compressed('', row('a'.repeat(1000), 'good') + row('b'.repeat(1000), 'bad'), 256)

/** A CSV whose first text never ends, and has hundreds of millions of lines. */
const csvBomb = () => compressed('text,label\n"', '\n', 40)

const shortRows = () => compressed('text,label\n', '1,a\n2,b\n', 2)

const TOO_LARGE = { status: 413, code: 'data_too_large' }
const BAD_LINE = { status: 422, code: 'data_line' }

export const datasetAttacks: readonly Attack[] = [
  { name: 'four gigabytes of reviews in a few megabytes', run: (t) => upload(t, jsonlBomb()), expects: TOO_LARGE },
  {
    name: 'an open quote before 600 million line breaks, compressed',
    run: (t) => upload(t, csvBomb()),
    expects: BAD_LINE,
  },
  {
    name: 'a quote that stays open for 60 MiB',
    run: (t) => upload(t, stream(after('text,label\n"', repeat('film, ', 60 * MIB)))),
    expects: { status: 422 },
  },
  {
    name: 'a line of 60 MiB',
    run: (t) => upload(t, stream(after('{"text":"', repeat('film ', 60 * MIB)))),
    expects: { status: 422 },
  },
  { name: 'NUL and other bytes that are not text', run: (t) => upload(t, Buffer.alloc(5e6)), expects: { status: 422 } },
  {
    name: 'lines with NUL, lone surrogates, huge numbers and deep JSON',
    async run(target) {
      const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`
      const lines = [
        '{"text":"a\\u0000b","label":"\\u0000"}',
        '{"text":"a","label":"\\ud800"}',
        '{"text":1e400,"label":"a"}',
        `{"text":${deep},"label":"a"}`,
        `{"text":"a","label":"a","more":${deep}}`,
        '{"__proto__":{"text":"a","label":"b"}}',
        'text,label\n"a"b,c',
        '\ufefftext\tlabel',
        '[]',
        'null',
      ]
      const faults: string[] = []
      for (const line of lines) {
        const { status } = await upload(target, `${line}\n`, 'odd')
        if (status === 201) await target.attacker.send('DELETE', '/v1/datasets/odd')
        if (status !== 201 && status !== 422) faults.push(`${status}: ${line.slice(0, 50)}`)
      }
      return faults
    },
    expects: [],
  },
  {
    name: 'labels that every object of JavaScript has',
    async run(target) {
      const labels = Object.getOwnPropertyNames(Object.prototype)
      const rows = labels.flatMap((label) => [row('a', label), row('b', label)]).join('')
      const { status, body } = await upload(target, rows, 'odd')
      const counts = labels.every((label) => Object.hasOwn(body.labels, label) && body.labels[label] === 2)
      const deleted = await target.attacker.send('DELETE', '/v1/datasets/odd')
      return [status, counts, deleted.status]
    },
    expects: [201, true, 204],
  },
  {
    name: 'a hundred thousand labels',
    run: (t) => upload(t, Array.from({ length: 1e5 }, (_, i) => row('a', `label ${i}`)).join('')),
    expects: TOO_LARGE,
  },
  { name: 'eight million rows of four bytes', run: (t) => upload(t, shortRows()), expects: TOO_LARGE },
  { name: 'a label of a megabyte', run: (t) => upload(t, row('a', 'b'.repeat(MIB))), expects: BAD_LINE },
  {
    name: 'gzip that is cut off, damaged, or inside gzip',
    async run(target) {
      const whole = gzipSync(row('a', 'good').repeat(1e4))
      const damaged = Buffer.from(whole)
      damaged.fill(0xa5, 20, 40)
      const codes = new Set<number>()
      for (const body of [whole.subarray(0, whole.length / 2), damaged, gzipSync(whole), whole.subarray(0, 10)])
        codes.add((await upload(target, body)).status)
      return [...codes]
    },
    expects: [422],
  },
  {
    name: 'four bombs at a time',
    async run(target) {
      const bombs = [jsonlBomb, csvBomb, jsonlBomb, csvBomb]
      const answers = await Promise.all(bombs.map((bomb, i) => upload(target, bomb(), `bomb-${i}`)))
      return {
        other: answers.filter(({ status }) => ![413, 422, 429].includes(status)),
        left: await waitUntilTidy(target),
      }
    },
    expects: { other: [], left: [] },
  },
  {
    name: 'bombs whose senders leave',
    async run(target) {
      const leave = (ms: number) => upload(target, shortRows(), 'gone', { signal: AbortSignal.timeout(ms) })
      const answers = await Promise.all([200, 400, 600, 800].map(leave))
      return { stored: answers.filter(({ status }) => status === 201), left: await waitUntilTidy(target) }
    },
    expects: { stored: [], left: [] },
  },
]
