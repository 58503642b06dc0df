import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { stderrLogger } from '../core/logger.ts'
import { exactObject } from '../platform/schemas/common.ts'
import type { Dataset } from '../platform/schemas/datasets.ts'
import { makeBareServer } from './bare-server.ts'
import { parseArguments, toErrorResult } from './call-tool.ts'
import { makeMcpHandler } from './handler.ts'
import type { Message } from './http-headers.ts'
import type { SentRequest } from './stdio.ts'
import { declareTasks } from './tasks.ts'
import { type RequestContext, type Tool, toCallToolResult } from './tool.ts'
import { addDataset, toAddedResult } from './tools/add-dataset.ts'
import { tools } from './tools.ts'

/** The methods whose answers are the same on every server, so that a client need not wait for one. */
const METHODS: readonly string[] = [
  ...['initialize', 'notifications/initialized', 'ping', 'server/discover'],
  ...['tools/list', 'prompts/list', 'prompts/get'],
]

/** The part of the protocol that `graft mcp` answers itself, before the store is open. */
export interface LocalMcp {
  handles(message: Message): boolean
  send(init: SentRequest): Promise<Response>
}

const { name, rows } = addDataset.input.shape as { name: z.ZodString; rows: z.ZodType }

/** `add_dataset` for a client on this machine, which can also name a file. A server never reads a path of a client. */
const addDatasetOrFile: Tool = {
  ...addDataset,
  input: exactObject({
    name,
    rows: rows.optional(),
    path: z
      .string('the path of a file')
      .optional()
      .describe('The absolute path of a file of reviews, JSON lines or CSV, instead of rows.'),
  }),
}

/** The arguments of a call that is handled here. */
const fileArguments = exactObject({
  name,
  rows: z.undefined('no rows, because path is set').optional(),
  path: z.string(),
})

/**
 * Makes what answers the messages that need no store, and uploads files that a client names.
 * @param uploadFile uploads a file of this machine under a name
 */
export function makeLocalMcp(version: string, uploadFile: (name: string, path: string) => Promise<Dataset>): LocalMcp {
  const listed = tools.map((tool) => (tool === addDataset ? addDatasetOrFile : tool))
  const handle = makeMcpHandler((_, era) => {
    const mcp = makeBareServer(version, listed)
    if (era === 'modern') declareTasks(mcp.server)
    mcp.server.setRequestHandler('tools/call', async ({ params }) => {
      try {
        const { name, path } = parseArguments(fileArguments, params.arguments)
        return toCallToolResult(toAddedResult(await uploadFile(name, path)))
      } catch (error) {
        return toErrorResult(stderrLogger, error, randomUUID(), addDataset)
      }
    })
    return mcp
  })
  return {
    handles: ({ method, params }) =>
      METHODS.includes(method) ||
      (method === 'tools/call' && params?.name === addDataset.name && hasPath(params.arguments)),
    // An answer that takes no time is sent even if the client has closed its end.
    send: async ({ signal: _, ...init }) =>
      handle(new Request('http://localhost/mcp', init), JSON.parse(init.body), OWNER_CONTEXT),
  }
}

const hasPath = (args: unknown): boolean => typeof (args as { path?: unknown } | null | undefined)?.path === 'string'

/** The context of the client that started this process. */
const OWNER_CONTEXT: RequestContext = {
  caller: { owner: '', scopes: ['admin'] },
  requestId: '',
  shutdown: new AbortController().signal,
  recordRows() {},
  admitTexts() {},
  admitStream() {},
}
