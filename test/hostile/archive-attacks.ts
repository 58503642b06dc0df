import { gzipSync } from 'node:zlib'
import { archive, entry } from '../platform/artifacts/archives.ts'
import type { Attack } from './attack.ts'
import {
  gzipped,
  pack,
  prefix,
  readHeader,
  repeat,
  safetensorsHead,
  stream,
  withManifest,
  withWeights,
  zeros,
} from './bombs.ts'
import type { Answer, Sent } from './client.ts'
import { findLeftovers, waitUntilTidy } from './leftovers.ts'
import type { Files, Target } from './target.ts'

const WEIGHTS = 'adapter_model.safetensors'
const MIB = 2 ** 20

export const upload = ({ attacker }: Target, body: Sent['body'], name = 'hostile'): Promise<Answer> =>
  attacker.send('POST', `/v1/adapters?name=${name}`, { body, headers: { 'content-type': 'application/x-tar' } })

/** Uploads a valid adapter with another manifest. */
const manifest = (change: (manifest: Record<string, unknown>) => void) => (target: Target) =>
  upload(target, stream(pack(withManifest(target.good, change))))

const labelled = (...labels: string[]) =>
  manifest((m) => Object.assign(m, { label_words: Object.fromEntries(labels.map((label) => [label, 'good'])) }))

/** Returns an adapter of LoRA with this rank, whose numbers are all the same. */
function lora(good: Files, rank: number) {
  let at = 0
  const header = Object.fromEntries(
    Object.entries(readHeader(good[WEIGHTS])).flatMap(([name, tensor]) => {
      if (name === '__metadata__') return []
      const shape = tensor.shape.map((size) => (size === 4 ? rank : size))
      const begin = at
      at += 4 * shape.reduce((product, size) => product * size, 1)
      return [[name, { dtype: 'F32', shape, data_offsets: [begin, at] }]]
    }),
  )
  const number = Buffer.alloc(4)
  number.writeFloatLE(1e-4)
  const data = { bytes: at, chunks: () => repeat(number, at) }
  return withWeights(good, prefix(safetensorsHead(header), data), { r: rank })
}

const hugeTensor = (bytes: number) =>
  prefix(safetensorsHead({ x: { dtype: 'F16', shape: [bytes / 2], data_offsets: [0, bytes] } }), zeros(bytes))

function* millionTensors(): Generator<Buffer> {
  for (let block = 0; block < 100; block++) {
    let text = ''
    for (let i = 0; i < 10_000; i++) text += `"${block}.${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`
    yield Buffer.from(text)
  }
}

function manyTensors() {
  const chunks = [
    Buffer.from('{'),
    ...millionTensors(),
    Buffer.from('"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
  ]
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
  return prefix(safetensorsHead('', BigInt(bytes)), { bytes, chunks: () => chunks })
}

const archiveOf = ({ good }: Target): Buffer[] => [...pack(good)]

const refused = (status: number, code: string) => ({ status, code })
const CORRUPT = refused(422, 'checkpoint_corrupt')
const TOO_LARGE = refused(413, 'archive_too_large')
const INVALID = refused(422, 'archive_invalid')

export const archiveAttacks: readonly Attack[] = [
  {
    name: 'a probe of three million tokens',
    run: manifest((m) => Object.assign(m.probe as object, { ids: Array(3e6).fill(5) })),
    expects: CORRUPT,
  },
  {
    name: 'a tensor of 1.9 GiB of zeros, compressed',
    run: (target) => upload(target, gzipped(pack(withWeights(target.good, hugeTensor(1.9 * 2 ** 30))))),
    expects: TOO_LARGE,
  },
  {
    name: 'a tensor of 120 MiB in place of an adapter',
    run: (target) => upload(target, stream(pack(withWeights(target.good, hugeTensor(120 * MIB))))),
    expects: refused(422, 'checkpoint_tensors'),
  },
  {
    name: 'half a gigabyte of junk beside an adapter, compressed',
    run: (target) => upload(target, gzipped(pack({ ...target.good, 'junk.bin': zeros(500 * MIB) }))),
    expects: TOO_LARGE,
  },
  {
    name: 'a header with a million tensors',
    run: (target) => upload(target, stream(pack(withWeights(target.good, manyTensors())))),
    expects: CORRUPT,
  },
  {
    name: 'headers that lie about their length, their tensors and their offsets',
    run: async (target) => {
      const x = { dtype: 'F32', shape: [1], data_offsets: [0, 4] }
      const heads = [
        safetensorsHead('{}', 2n ** 63n),
        safetensorsHead('{}', 2n ** 64n - 1n),
        safetensorsHead({ x: { ...x, data_offsets: [0, 2 ** 53] } }),
        safetensorsHead({ x: { ...x, data_offsets: [-4, 0] } }),
        safetensorsHead({ x: { ...x, shape: [2 ** 30, 2 ** 30, 2 ** 30] } }),
        safetensorsHead({ x: { ...x, dtype: '__proto__' } }),
        safetensorsHead({ constructor: x, toString: x }),
        safetensorsHead('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'),
        safetensorsHead(`${'['.repeat(500_000)}${']'.repeat(500_000)}`),
        Buffer.alloc(0),
        Buffer.alloc(7),
      ]
      const answers: number[] = []
      for (const head of heads)
        answers.push((await upload(target, stream(pack(withWeights(target.good, head))))).status)
      return [...new Set(answers)]
    },
    expects: [422],
  },
  {
    name: 'weights that are not numbers',
    run: (target) => {
      const weights = Buffer.from(target.good[WEIGHTS])
      weights.fill(0xff, weights.length - 8192)
      return upload(target, stream(pack(withWeights(target.good, weights))))
    },
    expects: { status: 422 },
  },
  {
    name: 'sixty megabytes of metrics',
    run: manifest((m) => Object.assign(m, { metrics: { note: 'x'.repeat(60e6) } })),
    expects: CORRUPT,
  },
  { name: 'a label of a megabyte', run: labelled('a'.repeat(1e6 - 5000), 'b'), expects: CORRUPT },
  { name: 'a label that changes a terminal', run: labelled('\u001b[2J', 'b'), expects: CORRUPT },
  { name: 'a label that changes the direction of text', run: labelled('\u202egood', 'b'), expects: CORRUPT },
  {
    name: 'twenty thousand labels',
    run: (target) => labelled(...Array.from({ length: 20_000 }, (_, i) => `label ${i}`))(target),
    expects: CORRUPT,
  },
  {
    name: 'a temperature of 1e-308',
    run: manifest((m) => Object.assign(m, { temperature: 1e-308 })),
    expects: CORRUPT,
  },
  {
    name: 'an adapter that reads one token',
    run: manifest((m) => Object.assign(m, { truncation: { max_tokens: 1, side: 'left' } })),
    expects: CORRUPT,
  },
  {
    name: 'an adapter that reads 8,192 tokens',
    run: manifest((m) => Object.assign(m, { truncation: { max_tokens: 8192, side: 'left' } })),
    expects: refused(422, 'adapter_too_large'),
  },
  {
    name: 'an adapter of rank 4,096',
    run: (target) => upload(target, stream(pack(lora(target.good, 4096)))),
    expects: refused(422, 'adapter_too_large'),
  },
  {
    name: 'the largest adapter that is accepted, in batches with those of others',
    async run(target) {
      const { status } = await upload(target, stream(pack(lora(target.good, 1024))), 'wide')
      const { send } = target.attacker
      const inputs = Array.from({ length: 256 }, (_, i) => ({ text: `Film ${i}`, adapter: i % 2 ? 'wide' : 'film' }))
      const predicted = await Promise.all([1, 2, 3].map(() => send('POST', '/v1/predictions', { body: { inputs } })))
      const deleted = await send('DELETE', '/v1/adapters/wide')
      return [status, ...predicted.map((answer) => answer.status), deleted.status]
    },
    expects: [201, 200, 200, 200, 204],
  },
  {
    name: 'links, devices, and paths out of the folder',
    async run(target) {
      const archives = [
        archive(entry({ name: '../evil', content: 'x' })),
        archive(entry({ name: '/tmp/evil', content: 'x' })),
        archive(entry({ name: 'a/../../../evil', content: 'x' })),
        archive(entry({ name: 'out', type: '2', link: '/tmp' }), entry({ name: 'out/evil', content: 'x' })),
        archive(entry({ name: WEIGHTS, type: '1', link: '/etc/passwd' })),
        archive(entry({ name: 'null', type: '3' })),
        archive(entry({ name: 'pipe', type: '6' })),
        archive(entry({ name: 'x' }), entry({ name: 'X' })),
        Buffer.concat(archiveOf(target)).subarray(0, 9000),
        gzipSync(gzipSync(Buffer.concat(archiveOf(target)))),
        Buffer.from('hello'),
      ]
      const answers = new Set<string>()
      for (const body of archives) answers.add((await upload(target, body)).code ?? '')
      return [...answers]
    },
    expects: ['archive_invalid'],
  },
  {
    name: 'a declared size of 8 GB',
    run: (target) => upload(target, archive(entry({ name: WEIGHTS, size: 8e9 }))),
    expects: TOO_LARGE,
  },
  {
    name: 'a hundred thousand empty files',
    run: (target) =>
      upload(
        target,
        gzipped(
          (function* () {
            for (let i = 0; i < 1e5; i++) yield entry({ name: `${i}` })
          })(),
        ),
      ),
    expects: TOO_LARGE,
  },
  {
    name: 'twenty uploads at a time',
    async run(target) {
      const body = () => gzipped(pack(withWeights(target.good, hugeTensor(40 * MIB))))
      const answers = await Promise.all(Array.from({ length: 20 }, () => upload(target, body())))
      return { bad: answers.filter(({ status }) => ![413, 422, 429].includes(status)), left: findLeftovers(target) }
    },
    expects: { bad: [], left: [] },
  },
  {
    name: 'uploads whose clients leave in the middle',
    async run(target) {
      const results = await Promise.all(
        Array.from({ length: 4 }, (_, i) => {
          const signal = AbortSignal.timeout(300 + 100 * i)
          const body = stream(pack(withWeights(target.good, hugeTensor(1000 * MIB))))
          const headers = { 'content-type': 'application/x-tar' }
          return target.attacker.send('POST', '/v1/adapters?name=gone', { body, headers, signal })
        }),
      )
      const accepted = results.filter(({ status }) => status > 0 && status < 400)
      return { accepted, left: await waitUntilTidy(target) }
    },
    expects: { accepted: [], left: [] },
  },
  {
    name: 'an archive without an end',
    run: (target) => upload(target, Buffer.concat(archiveOf(target).slice(0, -1))),
    expects: INVALID,
  },
]
