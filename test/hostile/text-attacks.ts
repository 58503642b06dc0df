import type { Attack } from './attack.ts'
import type { Target } from './target.ts'

const MIB = 2 ** 20

const predict = ({ attacker }: Target, body: object | string) =>
  attacker.send('POST', '/v1/predictions', { body, headers: { 'content-type': 'application/json' } })

/** Classifies texts with the adapter of everybody. */
const classify = (target: Target, ...inputs: unknown[]) => predict(target, { inputs, adapter: 'film' })

const INVALID = { error: { code: 'text_invalid' } }

/** Words that the tokenizer has to spell. */
const rareWords = (characters: number) => 'Zyxwvqj '.repeat(characters / 8)

export const textAttacks: readonly Attack[] = [
  {
    name: 'a text of 4 MiB beside a short one',
    async run(target) {
      const { status, body } = await classify(target, rareWords(4 * MIB - 1000), 'A joy.')
      return { status, results: body.results }
    },
    expects: { status: 200, results: [INVALID, { tokens: 4 }] },
  },
  {
    name: 'five requests with texts of 4 MiB at a time',
    async run(target) {
      const answers = await Promise.all(Array.from({ length: 5 }, () => classify(target, '('.repeat(4e6))))
      return answers.filter(({ status, body }) => status !== 429 && body.results?.[0].error?.code !== 'text_invalid')
    },
    expects: [],
  },
  {
    name: 'twenty texts of 200,000 characters, again and again',
    async run(target) {
      const send = () => classify(target, ...Array<string>(20).fill(rareWords(199_000)))
      const answers = await Promise.all([send(), send(), send(), send()])
      return answers.filter(({ status }) => ![200, 429].includes(status))
    },
    expects: [],
  },
  {
    name: 'forty texts of 50,000 characters',
    run: (target) => classify(target, ...Array<string>(40).fill('film '.repeat(10_000))),
    expects: { status: 200 },
  },
  {
    name: 'bodies of deep JSON',
    async run(target) {
      const arrays = `${'['.repeat(1e6)}${']'.repeat(1e6)}`
      const objects = `${'{"inputs":'.repeat(2e5)}1${'}'.repeat(2e5)}`
      const answers = await Promise.all(
        [arrays, objects, `{"inputs":${arrays}}`, '['.repeat(4e6)].map((body) => predict(target, body)),
      )
      return answers.map(({ status }) => status)
    },
    expects: [400, 400, 400, 400],
  },
  {
    name: 'lone surrogates, NUL, combining marks and other odd texts',
    async run(target) {
      const texts = [
        '\ud800',
        '\udfff a \ud83d',
        'a\0b',
        `e${'\u0301'.repeat(1e5)}`,
        '\u202eevil',
        '\ufffe',
        '\u2581'.repeat(1e5),
        '</s>',
        '<extra_id_0>',
      ]
      const { status, body } = await classify(target, ...texts)
      const internal = body.results.filter(
        (row: { error?: { code: string } }) => row.error && row.error.code !== 'text_invalid',
      )
      return { status, count: body.results.length, internal }
    },
    expects: { status: 200, count: 9, internal: [] },
  },
  {
    name: 'requests of the wrong shape',
    async run(target) {
      const bodies = [
        '{"inputs":["a"],"adapter":"__proto__"}',
        '{"inputs":["a"],"adapters":["constructor","toString"]}',
        '{"inputs":{"length":1e9},"adapter":"film"}',
        '{"inputs":[],"adapter":"film"}',
        '{"inputs":[1e400],"adapter":"film"}',
        `{"inputs":[${'"a",'.repeat(256)}"a"],"adapter":"film"}`,
        `{"inputs":[${'"a",'.repeat(1e6)}"a"],"adapter":"film"}`,
        `{"inputs":["a"],"adapter":"${'a'.repeat(4e6)}"}`,
        `{"${'k'.repeat(4e6)}":1}`,
        '{"__proto__":{"inputs":["a"]},"adapter":"film"}',
        'null',
        '',
        '\ufeff{}',
      ]
      const answers = await Promise.all(bodies.map((body) => predict(target, body)))
      return answers.filter(({ status }) => ![400, 404, 413, 422].includes(status))
    },
    expects: [],
  },
  {
    name: 'a hundred requests whose clients leave at once',
    async run({ attacker }) {
      const body = { inputs: Array<string>(64).fill('film '.repeat(500)), adapter: 'film' }
      const send = (i: number) =>
        attacker.send('POST', '/v1/predictions', { body, signal: AbortSignal.timeout(20 + 5 * i) })
      const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => send(i)))
      return answers.filter(({ status }) => ![0, 200, 429].includes(status))
    },
    expects: [],
  },
]
