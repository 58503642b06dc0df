import { cpSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { type GraftProcess, startGraft } from '../cli/run.ts'
import { post, readProblem } from '../server/start.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'
import { mountDisk, unmountDisks, whyNoDisks } from './small-disk.ts'

const MIB = 2 ** 20
const label = (i: number) => ['negative', 'positive'][i % 2]

describe.skipIf(whyNoDisks)(`a server whose disk is nearly full${whyNoDisks}`, () => {
  let home: string
  let adapter: string
  let server: GraftProcess
  let url: string
  beforeAll(async () => {
    home = mountDisk(280 * 1024)
    cpSync(inject('embeddedTemplate'), home, { recursive: true })
    adapter = await saveRandomAdapter('film', { method: 'lora', rank: 4 }, 0.05)
    server = startGraft(['serve', '--checkpoint', adapter, '--port', '0', '--threads', '1'], { GRAFT_HOME: home })
    await server.waitFor(/http:\S+\n/)
    url = server.stdout.trim()
    expect((await upload('samples', samplesStream())).status).toBe(201)
  })
  afterAll(async () => {
    server.kill('SIGTERM')
    expect((await server.exited).code).toBe(0)
    unmountDisks()
  })

  const filler = () => join(home, 'filler')
  const freeMib = () => {
    const { bavail, bsize } = statfsSync(home)
    return (bavail * bsize) / MIB
  }
  const empty = () => rmSync(filler(), { force: true })
  /** Fills the disk until this much is free. */
  const fillTo = (mib: number) => {
    empty()
    writeFileSync(filler(), Buffer.alloc(Math.floor((freeMib() - mib) * MIB)))
  }
  const send = (path: string, body: unknown, type = 'application/json') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: type === 'application/json' ? JSON.stringify(body) : body,
      duplex: 'half',
    } as RequestInit)
  const upload = (name: string, rows: unknown) => send(`/v1/datasets?name=${name}`, rows, 'application/jsonl')
  async function* samplesStream(rows = 40) {
    for (let i = 0; i < rows; i++) yield Buffer.from(`${JSON.stringify({ text: `film ${i}`, label: label(i) })}\n`)
  }
  const launch = (steps: number) =>
    send('/v1/trainings', { dataset: 'samples', steps, batch_tokens: 256, threads: 1, device: 'cpu' })
  const predict = async () => {
    const response = await post(url, { inputs: ['A joy.'], adapter: 'film' })
    return { status: response.status, ...((await response.json()) as object) }
  }

  test('refuses uploads and launches with 507 and says why, and predictions continue', async () => {
    const archive = await buffer(packFolder(adapter))
    fillTo(50)
    const requests = [
      () => upload('more', samplesStream()),
      () => send('/v1/adapters?name=more', archive, 'application/x-tar'),
      () => launch(3),
      () => send('/v1/evaluations', { adapter: 'film', dataset: 'samples' }),
    ]
    for (const request of requests) {
      expect(await readProblem(await request())).toMatchObject({
        code: 'disk_full',
        status: 507,
        subject: expect.stringMatching(/^the disk of the (artifacts|unpacked files|home folder)$/),
        problem: expect.stringMatching(/^has \d\d MiB of free space, less than the reserve of 64 MiB$/),
        fix: expect.stringContaining('predictions continue'),
      })
      expect(await predict()).toMatchObject({ status: 200, results: [{ tokens: 4 }] })
    }
    empty()
    expect((await upload('more', samplesStream())).status).toBe(201)
  })

  test('stops an upload that would take the reserve, and removes what it had written', async () => {
    fillTo(90)
    const before = freeMib()
    async function* endless() {
      for (;;) yield Buffer.from(`${JSON.stringify({ text: 'x'.repeat(100_000), label: 'positive' })}\n`)
    }
    expect(await readProblem(await upload('endless', endless()))).toMatchObject({ code: 'disk_full', status: 507 })
    expect(before - freeMib()).toBeLessThan(5)
    expect(await predict()).toMatchObject({ status: 200 })
    empty()
  })

  test('stops a training that cannot save its state, and continues it when there is room', async () => {
    const { id } = (await (await launch(4000)).json()) as Training
    const read = async () => (await (await fetch(`${url}/v1/trainings/${id}`)).json()) as Training
    const waitFor = async (isDone: (training: Training) => boolean) => {
      for (;;) {
        const training = await read()
        if (isDone(training)) return training
        await pause(200)
      }
    }
    await waitFor(({ progress }) => (progress?.step ?? 0) > 0)
    fillTo(50)
    await waitFor(({ status }) => status !== 'running')
    await pause(8_000)
    const waiting = await read()
    expect(waiting).toMatchObject({ status: 'queued' })
    expect(await predict()).toMatchObject({ status: 200 })
    expect(server.stderr).toMatch(/"task":"taking work".*the disk of|the disk of.*"task":"taking work"/i)
    empty()
    const slices = await waitFor((training) => training.slices > waiting.slices)
    expect(['queued', 'running', 'succeeded']).toContain(slices.status)
    await send(`/v1/trainings/${id}/cancel`, {})
  })
})
