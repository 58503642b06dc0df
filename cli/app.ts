import { readVersion } from '../core/version.ts'
import type { Platform } from '../platform/platform.ts'
import { type AppOptions, makeApp } from '../server/app.ts'
import { readPages } from '../server/pages/read-pages.ts'
import { mcpRoute } from './mcp-route.ts'

/** Makes the HTTP API with the agent tools at `/mcp`. */
export async function makeGraftApp(platform: Platform, options: Omit<AppOptions, 'version' | 'extraRoutes'> = {}) {
  const current = await readVersion()
  // The MCP SDK is loaded on the first request.
  const route = mcpRoute(async () => (await import('../mcp/server.ts')).makeGraftMcp(platform, current))
  return makeApp(platform, { pages: readPages(), ...options, version: current, extraRoutes: [route] })
}
