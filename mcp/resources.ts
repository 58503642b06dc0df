import { type McpServer, type Resource, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { problemOf } from '../platform/schemas/problem.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'
import { allows, requireScope } from '../platform/use-cases/access.ts'
import { getAdapter, listAdapters } from '../platform/use-cases/adapters.ts'
import { getTraining, listTrainings } from '../platform/use-cases/trainings.ts'
import { protocolError } from './protocol-error.ts'
import type { Asked } from './tool.ts'

interface Kind {
  name: string
  title: string
  description: string
  scope: KeyScope
  get(platform: Platform, idOrName: string): Promise<unknown>
  newest(platform: Platform): Promise<{ data: { id: string; name?: string }[] }>
}

const kinds: readonly Kind[] = [
  {
    name: 'trainings',
    title: 'A training',
    description: 'All that is known of a training: its settings, plan, progress, result or error.',
    scope: 'train',
    get: getTraining,
    newest: listTrainings,
  },
  {
    name: 'adapters',
    title: 'An adapter',
    description: 'All that is known of an adapter: its method, parameters, labels and metrics.',
    scope: 'predict',
    get: getAdapter,
    newest: listAdapters,
  },
]

const json = { mimeType: 'application/json' }

/** `graft://trainings/{id}` and `graft://adapters/{id}`; the newest of each are listed. */
export function registerResources(server: McpServer, platform: Platform, { caller, id: callId }: Asked): void {
  for (const { name, title, description, scope, get, newest } of kinds) {
    const list = async () => {
      const { data } = allows(caller, scope) ? await newest(platform) : { data: [] }
      return { resources: data.map((thing): Resource => resourceOf(name, thing)) }
    }
    const template = new ResourceTemplate(`graft://${name}/{id}`, { list })
    server.registerResource(name, template, { title, description, ...json }, async (uri, { id }) => {
      try {
        requireScope(caller, scope)
        const text = JSON.stringify(await get(platform, decodeURIComponent(String(id))), undefined, 2)
        return { contents: [{ uri: uri.href, ...json, text }] }
      } catch (error) {
        const problem = problemOf(platform.logger, error, callId)
        const told = protocolError(problem)
        throw problem.status === 404 ? new ResourceNotFoundError(uri.href, told.message) : told
      }
    })
  }
}

const resourceOf = (kind: string, { id, name = id }: { id: string; name?: string }): Resource => ({
  uri: `graft://${kind}/${id}`,
  name,
  ...json,
})
