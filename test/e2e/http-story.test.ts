import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { packageRoot } from '../../core/entry.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { probe } from '../../training/probe.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import { type GraftProcess, startGraft } from '../cli/run.ts'
import { imdb, withoutImdb } from '../imdb.ts'
import { inLibrary, largestDifference, TOLERANCE, without } from '../libraries/libraries.ts'
import { runTool } from '../tools/run-tool.ts'

/** Returns the shell blocks of a document, in order. */
const shellBlocks = (document: string): string[] =>
  [...readFileSync(join(packageRoot, document), 'utf8').matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block)

describe(`the commands of docs/http.md${withoutImdb}`, () => {
  const place = freshPath('story')
  const outputs: string[] = []
  let server: GraftProcess
  let url: string

  beforeAll(async () => {
    if (withoutImdb) return
    mkdirSync(place, { recursive: true })
    // Half of the reviews that the document names train in half the time, and to nearly the same accuracy.
    const lines = (file: string) =>
      gunzipSync(readFileSync(`${imdb}/${file}.jsonl.gz`))
        .toString()
        .split('\n')
    writeFileSync(join(place, 'train.jsonl'), lines('train').slice(0, 1000).join('\n'))
    writeFileSync(join(place, 'test.jsonl'), lines('test').slice(0, 500).join('\n'))
    server = startGraft(['serve', '--port', '0'])
    await server.waitFor(/http:\S+\n/)
    url = server.stdout.trim()
    for (const block of shellBlocks('docs/http.md')) {
      const env = { ...process.env, GRAFT: url }
      const options = { cwd: place, env, maxBuffer: 2 ** 26 }
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', block], options)
      outputs.push(stdout)
    }
  }, 300_000)
  afterAll(async () => {
    if (withoutImdb) return
    server.kill('SIGTERM')
    const { code, stderr } = await server.exited
    expect(code, stderr).toBe(0)
  })

  const get = async <T>(path: string): Promise<T> => (await (await fetch(`${url}${path}`)).json()) as T

  test.skipIf(withoutImdb)('train two adapters and cancel one training', async () => {
    const { data } = await get<{ data: Training[] }>('/v1/trainings')
    expect(data.map(({ name, status }) => [name, status])).toEqual([
      ['film-adapter', 'succeeded'],
      ['film-mistake', 'cancelled'],
      ['film-lora', 'succeeded'],
    ])
    const adapters = (await get<{ data: Adapter[] }>('/v1/adapters')).data
    expect(adapters.map(({ name, method }) => [name, method])).toEqual([
      ['film-adapter', 'bottleneck'],
      ['film-lora', 'lora'],
      ['film', 'bottleneck'],
    ])
    for (const { metrics } of adapters.slice(0, 2)) expect(metrics).toMatchObject({ n: 500 })
    // Without training, the base has an accuracy of about 75 %.
    expect(adapters[1].metrics?.accuracy).toBeGreaterThan(0.78)
  })

  test.skipIf(withoutImdb)('stream events in order and without gaps until the end', () => {
    const stream = outputs.find((output) => output.includes('event: done') || output.includes('event:done')) ?? ''
    const numbers = [...stream.matchAll(/^id: ?(\d+)$/gm)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, i) => i + 1))
    expect(stream).toContain('"succeeded"')
  })

  test.skipIf(withoutImdb)('classify both texts with both adapters, in order', () => {
    const answer = outputs
      .map((output) => (output.startsWith('{"results"') ? JSON.parse(output) : undefined))
      .find(Boolean)
    expect(answer.adapters.map(({ adapter }: { adapter: string }) => adapter)).toEqual(['film-lora', 'film-adapter'])
    expect(answer.results.map((row: { label: string }[]) => row.map(({ label }) => label))).toEqual([
      ['positive', 'positive'],
      ['negative', 'negative'],
    ])
  })

  test.skipIf(withoutImdb)('compare both adapters on 500 reviews', () => {
    const found = outputs.find((output) => output.includes('"verdict"')) ?? '{}'
    const { status, result } = JSON.parse(found)
    expect(status).toBe('succeeded')
    expect(result.adapters.map(({ name, n }: { name: string; n: number }) => [name, n])).toEqual([
      ['film-lora', 500],
      ['film-adapter', 500],
    ])
    expect(result.verdict).toMatch(/^film-(lora|adapter) is better: |^cannot tell: /)
  })

  test.skipIf(withoutImdb || without('peft'))(
    `download an adapter that the real PEFT loads${without('peft')}`,
    async () => {
      const base = await loadBase(embeddedBase)
      const inputs = join(place, 'inputs.json')
      const ids = [179, 192, 188, 255, 37, 1]
      const batch = { input_ids: [ids], attention_mask: [ids.map(() => 1)], labels: [[37, 1]] }
      writeFileSync(inputs, JSON.stringify({ batch }))
      const folder = join(place, 'film-lora')
      const ours = await probe(base, await loadAdapter(folder, base), { batch }, inputs)
      const exported = join(place, 'base')
      await runTool('export-base', exported)
      const { [folder]: theirs } = await inLibrary('peft', exported, inputs, [folder])
      const mine = ours.get('batch.logits')?.data ?? []
      expect(largestDifference(mine, theirs.batch.logits.flat(2))).toBeLessThan(
        TOLERANCE.logits * Math.max(...mine.map(Math.abs)),
      )
    },
  )
})
