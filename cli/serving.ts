import { readFile } from 'node:fs/promises'
import { packageRoot } from '../core/entry.ts'
import { openPlatform, type PlatformOptions } from '../platform/open-platform.ts'
import { makeApp } from '../server/app.ts'
import { listen } from '../server/listen.ts'

/** Serves until the process is asked to stop, then finishes what it answers. `onReady` hears the address once it answers. */
export async function serveUntilStopped(
  options: PlatformOptions & { port: number; host: string },
  onReady: (url: string) => void,
): Promise<void> {
  const platform = await openPlatform(options)
  try {
    const { version } = JSON.parse(await readFile(`${packageRoot}/package.json`, 'utf8')) as { version: string }
    const server = await listen(makeApp(platform, { version }), { host: options.host, port: options.port })
    const stopped = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    })
    onReady(server.url)
    await stopped
    await server.close()
  } finally {
    await platform.engine.close()
  }
}
