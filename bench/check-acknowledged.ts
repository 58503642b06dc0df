import { openBackend } from '../platform/open-backend.ts'
import type { Alias } from '../platform/schemas/aliases.ts'
import { selectReferencedArtifacts } from '../platform/store/artifact-references.ts'
import { type Acknowledged, send } from './noting-client.ts'
import type { ServerLocation } from './supervised-server.ts'

/** Returns what a running server has lost of the things that were acknowledged. */
export async function findLosses(url: string, acknowledged: Acknowledged): Promise<string[]> {
  const faults: string[] = []
  const read = async (path: string, init: RequestInit = {}) => {
    const response = await send(`${url}${path}`, init)
    if (response?.status !== 200) faults.push(`${path}: ${JSON.stringify(response?.body ?? 'no response')}`)
    return response?.status === 200 ? (response.body as Record<string, unknown>) : undefined
  }
  for (const kind of ['datasets', 'adapters'] as const)
    for (const [name, digest] of Object.entries(acknowledged[kind])) {
      const found = await read(`/v1/${kind}/${name}`)
      if (found && found.digest !== digest) faults.push(`/v1/${kind}/${name}: its digest is ${found.digest}`)
    }
  for (const name of Object.keys(acknowledged.adapters)) await predict(name)
  for (const [name, { moved_at, adapter }] of Object.entries(acknowledged.aliases)) {
    const found = (await read(`/v1/aliases/${name}`)) as Alias | undefined
    if (!found) continue
    const isLater = found.moved_at > moved_at
    if (!isLater && (found.moved_at !== moved_at || found.adapter.id !== adapter.id))
      faults.push(`alias ${name} was moved at ${moved_at}, now its last move is that of ${found.moved_at}`)
  }
  for (const [name, seen] of Object.entries(acknowledged.trainings)) {
    const found = await read(`/v1/trainings/${seen.id}`)
    if (!found) continue
    if (Number(found.last_event) < seen.last_event)
      faults.push(`training ${name}: event ${seen.last_event} was seen, ${found.last_event} is the last one`)
    if (['succeeded', 'failed'].includes(seen.status) && found.status !== seen.status)
      faults.push(`training ${name}: ${seen.status} was seen, now it is ${found.status}`)
    if (seen.adapter && found.adapter !== seen.adapter) faults.push(`training ${name}: its adapter is ${found.adapter}`)
    if (found.status === 'succeeded') await predict(String(found.adapter))
  }
  return faults

  async function predict(adapter: string): Promise<void> {
    const body = JSON.stringify({ inputs: ['A joy from start to finish.'], adapter })
    const headers = { 'content-type': 'application/json' }
    const found = await read('/v1/predictions', { method: 'POST', headers, body })
    const [result] = (found?.results ?? []) as { label?: string }[]
    if (found && !result?.label) faults.push(`adapter ${adapter} predicts ${JSON.stringify(result)}`)
  }
}

/**
 * Reads every artifact that a row refers to, while no server runs, and compares its bytes with its digest.
 * @returns the number of artifacts, and those that are missing or damaged
 */
export async function checkArtifacts(location: ServerLocation): Promise<{ count: number; faults: string[] }> {
  const backend = await openBackend({ ...location })
  try {
    const faults: string[] = []
    const digests = await selectReferencedArtifacts(backend.store.db)
    for (const digest of digests)
      await backend.artifacts.get(digest).then(
        ({ content }) => content.destroy(),
        (error: Error) => faults.push(`artifact ${digest}: ${error.message}`),
      )
    return { count: digests.size, faults }
  } finally {
    await backend.close()
  }
}
