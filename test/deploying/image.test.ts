import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import { snapshotFolder } from '../e2e/folder-snapshot.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'
import { asProcess1, freePort, freshVolume, graft, healthCheck, image, run } from './container.ts'

test('the image runs Graft as a user that owns none of its files, on the port that its health check asks', () => {
  expect(image).toMatchObject({ user: '1000:1000', entrypoint: ['graft'], port: '8080', env: { GRAFT_HOME: '/data' } })
  expect(image.healthCheck).toEqual(['node', '-e', expect.stringContaining('http://127.0.0.1:8080/healthz')])
})

test('the image has the files of the base, but not the recipe that made it', () => {
  expect(readdirSync(join(graft, 'base')).sort()).toEqual([
    'config.json',
    'film',
    'graft-base.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
})

test(`the image of the Dockerfile creates its first key, answers requests that have it, and exits on SIGTERM${asProcess1}`, async () => {
  const volume = freshVolume()
  const before = snapshotFolder(graft)
  const { code, stdout } = await run(['key', 'create', '--name', 'me'], volume).exited
  expect(code).toBe(0)
  const headers = { authorization: `Bearer ${stdout.trim()}` }

  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const server = run([...image.command, '--port', String(port)], volume)
  onTestFinished(() => server.kill('SIGKILL'))
  expect(await healthCheck(port)).toBe(1)
  await server.waitFor(/http:\S+\n/)
  expect(await healthCheck(port)).toBe(0)
  const body = packFolder(await saveRandomAdapter('mine', { method: 'lora', rank: 4 }, 0.05))
  const init = { method: 'POST', headers, body, duplex: 'half' } as unknown as RequestInit
  expect((await fetch(`${url}/v1/adapters?name=mine`, init)).status).toBe(201)
  const predict = (headers: Record<string, string>) =>
    fetch(`${url}/v1/predictions`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: ['A joy from start to finish.'], adapters: ['film', 'mine'] }),
    })
  expect(await (await predict(headers)).json()).toMatchObject({
    results: [[{ label: 'positive', tokens: 8 }, { tokens: 8 }]],
  })
  expect((await predict({})).status).toBe(401)
  expect(snapshotFolder(graft)).toEqual(before)

  server.stop()
  expect((await server.exited).code).toBe(0)
})
