/**
 * Damages files of checkpoints at random, and loads them. Each file must load with the numbers that its bytes hold, or
 * be refused with an error of Graft: without a crash, without taking a second, and without much memory.
 *
 *   npm run bench -- fuzz [--count 100000] [--seed 1]
 *
 * The files are those of the fixtures: adapters of PEFT, AdapterHub and OpenDelta as safetensors and as pickles in
 * archives, their configurations, `graft.json`, the configuration of a base, and `spiece.model`.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadAdapter, saveAdapter } from '../checkpoint/adapter.ts'
import { loadBase } from '../checkpoint/base.ts'
import { ADAPTER_LIMITS } from '../checkpoint/limits.ts'
import { readTensorFile } from '../checkpoint/read-tensors.ts'
import { toTokenizerJson } from '../checkpoint/sentencepiece.ts'
import { GraftError } from '../core/errors.ts'
import { makeRandom } from '../core/random.ts'
import { damage } from './damage.ts'
import { formatQuantiles } from './quantiles.ts'

const { values: flags } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
  args: process.argv.slice(3),
})

const MAX_MS = 1_000
const fixtures = join(import.meta.dirname, '../test/fixtures')
const work = mkdtempSync(join(tmpdir(), 'graft-fuzz-'))

type Numbers = ReadonlyMap<string, Float32Array>

/** A file to damage, and how to load what it belongs to. */
interface Target {
  readonly kind: string
  readonly path: string
  readonly intact: Buffer
  /** Throws if what was loaded is wrong. */
  load(damaged: Buffer): Promise<void>
}

const base = await loadBase(join(fixtures, 'parity/tiny-t5'))
const random = makeRandom(Number(flags.seed), 'fuzz')
const targets = await makeTargets()
const tally = new Map<string, { files: number; loaded: number; refused: number; longest_ms: number }>()
const times: number[] = []
const count = Number(flags.count)
const started = performance.now()
let startBytes = 0
for (let i = 0; i < count; i++) {
  await tryOne(targets[i % targets.length])
  if (i === 10 * targets.length) startBytes = 1024 * process.resourceUsage().maxRSS
}
console.table(Object.fromEntries(tally))
console.log(
  `${count} files in ${Math.round((performance.now() - started) / 1000)} s, each in ${formatQuantiles(times)}`,
)
console.log(
  `memory: ${toMib(startBytes)} MiB after a few files, ${toMib(1024 * process.resourceUsage().maxRSS)} MiB at most`,
)
rmSync(work, { recursive: true, force: true })

async function tryOne({ kind, path, intact, load }: Target): Promise<void> {
  const damaged = damage(intact, random)
  writeFileSync(path, damaged)
  const row = tally.get(kind) ?? { files: 0, loaded: 0, refused: 0, longest_ms: 0 }
  tally.set(kind, row)
  row.files++
  const before = performance.now()
  try {
    await load(damaged)
    row.loaded++
  } catch (error) {
    if (!(error instanceof GraftError)) {
      console.error(`${kind}: the file is left in ${path}`)
      throw error
    }
    row.refused++
  }
  const ms = performance.now() - before
  times.push(ms)
  row.longest_ms = Math.max(row.longest_ms, Math.round(ms))
  if (ms > MAX_MS) throw new Error(`${kind}: ${path} took ${Math.round(ms)} ms`)
  writeFileSync(path, intact)
}

/** Files of tensors are tried ten times as often as configurations, after which an adapter is probed. */
async function makeTargets(): Promise<Target[]> {
  const tensors = [
    ...['peft/lora_r8_a16_qv/checkpoint', 'adapterhub/seq_bn_b8/safetensors'].map((dir) => fileOf('safetensors', dir)),
    ...['adapterhub/lora_r8_a16/bin', 'opendelta/soft_prompt_10/checkpoint'].map((dir) => fileOf('pickle', dir)),
  ].map(({ kind, dir, file }) => tensorTarget(kind, dir, file))
  const adapter = join(work, 'adapter')
  await saveAdapter(adapter, await loadAdapter(join(fixtures, 'parity/peft/lora_r8_a16_qv/checkpoint'), base), base)
  const model = join(work, 'model')
  cpSync(join(fixtures, 'parity/tiny-t5'), model, { recursive: true })
  const spiece = join(work, 'spiece.model')
  cpSync(join(fixtures, 'sentencepiece/spiece.model'), spiece)
  const others = [
    // The logits of the adapter are those in graft.json, or the load fails.
    target(
      'adapter_config.json',
      join(adapter, 'adapter_config.json'),
      async () => void (await loadAdapter(adapter, base)),
    ),
    target('graft.json', join(adapter, 'graft.json'), async () => void (await loadAdapter(adapter, base))),
    target('config.json', join(model, 'config.json'), async () => void (await loadBase(model))),
    target('spiece.model', spiece, async (damaged) => void toTokenizerJson(damaged, 'spiece.model')),
  ]
  return [...Array.from({ length: 10 }, () => tensors).flat(), ...others]
}

function fileOf(kind: string, name: string): { kind: string; dir: string; file: string } {
  const dir = join(work, name.replaceAll('/', '-'))
  cpSync(join(fixtures, 'parity', name), dir, { recursive: true })
  return { kind, dir, file: readdirSync(dir).find((file) => /[.](safetensors|bin)$/.test(file)) as string }
}

function tensorTarget(kind: string, dir: string, file: string): Target {
  const path = join(dir, file)
  const read = async (): Promise<Numbers> => {
    const { tensors } = await readTensorFile(path, { limits: ADAPTER_LIMITS })
    return new Map([...tensors].map(([name, { data }]) => [name, data]))
  }
  const intact = read()
  return target(kind, path, async (damaged) => {
    // An archive has checksums, so that whatever loads is what was saved.
    requireSame(await read(), kind === 'pickle' ? await intact : decode(damaged))
  })
}

function target(kind: string, path: string, load: Target['load']): Target {
  return { kind, path, intact: readFileSync(path), load }
}

/** Reads a safetensors file of f32 in the simplest way that can be right. */
function decode(content: Buffer): Numbers {
  const headerEnd = 8 + Number(content.readBigUInt64LE())
  const { __metadata__: _, ...header } = JSON.parse(content.subarray(8, headerEnd).toString()) as Record<
    string,
    { data_offsets: [number, number] }
  >
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          data_offsets: [from, to],
        },
      ]) => {
        const bytes = Uint8Array.from(content.subarray(headerEnd + from, headerEnd + to))
        return [name, new Float32Array(bytes.buffer)]
      },
    ),
  )
}

function requireSame(found: Numbers, expected: Numbers): void {
  const same = found.size === expected.size && [...found].every(([name, data]) => isSame(data, expected.get(name)))
  if (!same) throw new Error('a damaged file loaded with wrong numbers')
}

function isSame(a: Float32Array, b: Float32Array | undefined): boolean {
  return b?.length === a.length && a.every((x, i) => Object.is(x, b[i]))
}

function toMib(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}
