import { type McpServer, type Resource, ResourceNotFoundError, ResourceTemplate } from '@modelcontextprotocol/server'
import type { Platform } from '../platform/platform.ts'
import { toPublicProblem } from '../platform/schemas/problem.ts'
import type { KeyScope } from '../platform/schemas/statuses.ts'
import { hasScope, requireScope } from '../platform/use-cases/access.ts'
import { getAdapter, listAdapters } from '../platform/use-cases/adapters.ts'
import { getTraining, listTrainings } from '../platform/use-cases/trainings.ts'
import { toProtocolError } from './protocol-error.ts'
import type { RequestContext } from './tool.ts'

/** A kind of resource, which agents read at `graft://<name>/<id>`. */
export interface ResourceKind {
  name: string
  title: string
  description: string
  scope: KeyScope
  get(platform: Platform, idOrName: string): Promise<unknown>
  listNewest(platform: Platform): Promise<{ data: { id: string; name?: string }[] }>
}

/** Every kind of resource. To add one, list it here (docs/extending.md). */
export const resourceKinds: readonly ResourceKind[] = [
  {
    name: 'trainings',
    title: 'Training',
    description: 'The settings, plan, progress, and result or error of a training.',
    scope: 'train',
    get: getTraining,
    listNewest: listTrainings,
  },
  {
    name: 'adapters',
    title: 'Adapter',
    description: 'The method, parameters, labels and metrics of an adapter.',
    scope: 'predict',
    get: getAdapter,
    listNewest: listAdapters,
  },
]

const JSON_CONTENT = { mimeType: 'application/json' }

/** Registers `graft://trainings/{id}` and `graft://adapters/{id}`, and lists the newest of each. */
export function registerResources(server: McpServer, platform: Platform, { caller, requestId }: RequestContext): void {
  for (const { name, title, description, scope, get, listNewest } of resourceKinds) {
    const list = async () => {
      const { data } = hasScope(caller, scope) ? await listNewest(platform) : { data: [] }
      return { resources: data.map((item): Resource => toResource(name, item)) }
    }
    const template = new ResourceTemplate(`graft://${name}/{id}`, { list })
    server.registerResource(name, template, { title, description, ...JSON_CONTENT }, async (uri, { id }) => {
      try {
        requireScope(caller, scope)
        const text = JSON.stringify(await get(platform, decode(String(id))), undefined, 2)
        return { contents: [{ uri: uri.href, ...JSON_CONTENT, text }] }
      } catch (error) {
        const problem = toPublicProblem(platform.logger, error, requestId)
        const protocolError = toProtocolError(problem)
        throw problem.status === 404 ? new ResourceNotFoundError(uri.href, protocolError.message) : protocolError
      }
    })
  }
}

/** Returns a part of a URI without percent-encoding. A part that is encoded incorrectly names nothing. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const toResource = (kind: string, { id, name = id }: { id: string; name?: string }): Resource => ({
  uri: `graft://${kind}/${id}`,
  name,
  ...JSON_CONTENT,
})
