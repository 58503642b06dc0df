import { describe, expect, onTestFinished, test } from 'vitest'
import { packFolder } from '../../platform/artifacts/pack-folder.ts'
import { everythingIn } from '../e2e/everything-in.ts'
import { savedAs } from '../serving/adapters.ts'
import { asProcess1, freePort, freshVolume, graft, healthCheck, image, run } from './container.ts'

describe(`what the Dockerfile lays out, run by a user who may not write there${asProcess1}`, () => {
  const volume = freshVolume()
  const serve = async () => {
    const port = await freePort()
    return { port, url: `http://127.0.0.1:${port}`, server: run([...image.command, '--port', String(port)], volume) }
  }

  test('serves nobody as long as there is no key, and says how one is made', async () => {
    const { server } = await serve()
    const { code, stderr } = await server.ended
    expect([code, stderr]).toEqual([2, expect.stringContaining('Make a key first: graft key create')])
  })

  test('makes its first key by itself, then answers whoever has it, and ends when it is asked to', async () => {
    const before = everythingIn(graft)
    const { code, stdout } = await run(['key', 'create', '--name', 'me'], volume).ended
    expect(code).toBe(0)
    const headers = { authorization: `Bearer ${stdout.trim()}` }

    const { server, port, url } = await serve()
    onTestFinished(() => server.kill('SIGKILL'))
    expect(await healthCheck(port)).toBe(1)
    await server.says(/http:\S+\n/)
    expect(await healthCheck(port)).toBe(0)
    const body = packFolder(await savedAs('film', { method: 'lora', rank: 4 }, 0.05))
    const init = { method: 'POST', headers, body, duplex: 'half' } as unknown as RequestInit
    expect((await fetch(`${url}/v1/adapters?name=film`, init)).status).toBe(201)
    const predict = (headers: Record<string, string>) =>
      fetch(`${url}/v1/predictions`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ inputs: ['A joy from start to finish.'] }),
      })
    expect(await (await predict(headers)).json()).toMatchObject({ adapter: 'film', results: [{ tokens: 8 }] })
    expect((await predict({})).status).toBe(401)
    expect(everythingIn(graft)).toEqual(before)

    server.stop()
    expect((await server.ended).code).toBe(0)
  })
})
