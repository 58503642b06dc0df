import { version } from '../core/version.ts'
import type { Platform } from '../platform/platform.ts'
import { type AppOptions, makeApp } from '../server/app.ts'
import { mcpRoute } from './mcp-route.ts'

/** The HTTP API with the tools for agents at `/mcp`. */
export async function appOf(platform: Platform, options: Omit<AppOptions, 'version' | 'more'> = {}) {
  const own = await version()
  // The SDK is not needed before.
  const tools = mcpRoute(async () => (await import('../mcp/server.ts')).graftMcp(platform, own))
  return makeApp(platform, { ...options, version: own, more: [tools] })
}
