import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { serveUntilStopped } from '../../cli/serve-until-stopped.ts'
import { fakePlatform } from '../platform/fake-platform.ts'

test('while the worker saves its state, the server accepts no requests', async () => {
  const home = mkdtempSync(join(tmpdir(), 'graft-serve-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  const platform = await fakePlatform()
  const saving = Promise.withResolvers<void>()
  const close = vi.fn(() => saving.promise)
  const parts = {
    openPlatform: async () => ({ ...platform, home, close: async () => {} }),
    startWorker: async () => ({ close }) as never,
  }

  const others = new Set(process.listeners('SIGTERM'))
  const ready = Promise.withResolvers<string>()
  const served = serveUntilStopped({ port: 0, host: '127.0.0.1', worker: true }, (url) => ready.resolve(url), parts)
  const url = await ready.promise
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  // Stops as the signal would, without the listeners of the test runner.
  for (const listener of process.listeners('SIGTERM')) if (!others.has(listener)) listener('SIGTERM')

  await vi.waitFor(() => expect(close).toHaveBeenCalled(), { timeout: 20_000 })
  await expect(fetch(`${url}/healthz`)).rejects.toThrow()
  saving.resolve()
  await served
})
