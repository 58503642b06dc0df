import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { mcpRoute } from '../../cli/mcp-route.ts'
import type { McpHandler } from '../../mcp/handler.ts'
import { makeGraftMcp } from '../../mcp/server.ts'
import type { Access } from '../../platform/use-cases/access.ts'
import { uploadDataset } from '../../platform/use-cases/datasets.ts'
import { type AppOptions, makeApp } from '../../server/app.ts'
import { listen } from '../../server/listen.ts'
import { type FakePlatform, fakePlatform } from '../platform/fake-platform.ts'
import { withFiles } from '../server/with-files.ts'

export interface StartMcp {
  adapters?: readonly string[]
  access?: Access
  appOptions?: Partial<AppOptions>
  /** Makes the handler of `/mcp`. Defaults to the tools of Graft. */
  serve?: (platform: FakePlatform) => McpHandler
}

const serveGraft = (platform: FakePlatform) => makeGraftMcp(platform, '1.2.3')

/** Starts a server with `/mcp` on a platform with a fake engine and one data set. Nothing trains there. */
export async function startMcp({ adapters = ['imdb'], access, appOptions, serve = serveGraft }: StartMcp = {}) {
  const platform = Object.assign(await fakePlatform(adapters), await withFiles())
  const films = `films-${randomUUID().slice(0, 8)}`
  const lines = ['good', 'bad'].map((text, i) => JSON.stringify({ text, label: i === 0 ? 'positive' : 'negative' }))
  await uploadDataset(
    platform,
    { name: films },
    (async function* () {
      yield Buffer.from(lines.join('\n'))
    })(),
    new AbortController().signal,
  )
  const handler = async () => serve(platform)
  const app = makeApp(platform, { version: '1.2.3', access, ...appOptions, extraRoutes: [mcpRoute(handler)] })
  const server = await listen(app, { graceSeconds: 1, access })
  onTestFinished(() => server.close())
  return { url: server.url, close: server.close, platform, films }
}
