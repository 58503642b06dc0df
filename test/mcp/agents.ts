import { Client as NewerClient, StreamableHTTPClientTransport as NewerHttp } from '@modelcontextprotocol/client'
import { StdioClientTransport as NewerStdio } from '@modelcontextprotocol/client/stdio'
import { Client as OlderClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as OlderStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as OlderHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { onTestFinished } from 'vitest'

/** The revisions that the official clients implement. */
export const revisions = ['2025-11-25', '2026-07-28'] as const
export type Revision = (typeof revisions)[number]

/** A server to connect to over HTTP, or a command to start. */
export type Endpoint =
  | { url: string; key?: string }
  | { command: string; args: string[]; env: Record<string, string>; cwd?: string; stderr?: 'inherit' | 'ignore' }

export interface Answer {
  isError?: boolean
  structuredContent?: Record<string, unknown>
  /** All that a client may show its model. */
  text: string
  /** The sentence of the result, or the text of an error. */
  summary: string
}

export interface Progress {
  progress: number
  total?: number
  message?: string
}

export interface Agent {
  client: OlderClient | NewerClient
  call(name: string, args?: Record<string, unknown>, onprogress?: (progress: Progress) => void): Promise<Answer>
  close(): Promise<void>
}

/** Connects the official client of a revision. It validates every structured result by the tool's output schema. */
export async function connect(revision: Revision, where: Endpoint): Promise<Agent> {
  const older = revision === '2025-11-25'
  const info = { name: 'test', version: '1' }
  const client = older
    ? new OlderClient(info)
    : new NewerClient(info, { versionNegotiation: { mode: { pin: revision } } })
  // The types of the two libraries differ, but their values do not.
  await (client as OlderClient).connect(transportTo(older, where) as never)
  // Clients validate by the output schemas that they have listed.
  await client.listTools()
  return {
    client,
    async call(name, args, onprogress) {
      const params = { name, arguments: args }
      const answer = older
        ? await (client as OlderClient).callTool(params, undefined, { onprogress })
        : await (client as NewerClient).callTool(params, { onprogress })
      const content = answer.content as { type: string; text: string }[]
      const { isError, structuredContent } = answer as unknown as Answer
      const text = content.map(({ text }) => text).join('\n')
      return { isError, structuredContent, text, summary: String(structuredContent?.summary ?? text) }
    },
    close: () => client.close(),
  }
}

/** Connects like {@link connect}, and disconnects when the test has finished. */
export async function connectAgent(revision: Revision, where: Endpoint): Promise<Agent> {
  const agent = await connect(revision, where)
  onTestFinished(() => agent.close())
  return agent
}

function transportTo(older: boolean, where: Endpoint) {
  if (!('url' in where)) return new (older ? OlderStdio : NewerStdio)(where)
  const headers: Record<string, string> = where.key === undefined ? {} : { authorization: `Bearer ${where.key}` }
  return new (older ? OlderHttp : NewerHttp)(new URL('/mcp', where.url), { requestInit: { headers } })
}
