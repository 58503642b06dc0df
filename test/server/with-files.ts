import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openArtifactStorage } from '../../platform/artifacts/open-artifacts.ts'
import { openArtifactCache } from '../../platform/files/cache.ts'
import { openUploads } from '../../platform/files/uploads.ts'
import type { JobQueue } from '../../platform/queue/queue.ts'
import { afterFile } from '../after-file.ts'
import type { FakePlatform } from '../platform/fake-platform.ts'

/** Returns the parts of a platform that uploads and launches need and the fake lacks. Its queue never runs anything. */
export async function withFiles(): Promise<Pick<FakePlatform, 'artifacts' | 'cache' | 'uploads' | 'queue'>> {
  const home = await mkdtemp(join(tmpdir(), 'graft-server-'))
  const uploads = openUploads(home)
  afterFile(async () => {
    uploads.close()
    await rm(home, { recursive: true, force: true })
  })
  const artifacts = await openArtifactStorage(join(home, 'artifacts'))
  return {
    artifacts,
    cache: openArtifactCache(artifacts, join(home, 'cache')),
    uploads,
    queue: {
      enqueueTraining: async () => {},
      enqueueShortWork: async () => {},
      countWaiting: async () => ({ trainings: 0, evaluations: 0, comparisons: 0 }),
    } satisfies Partial<JobQueue> as unknown as JobQueue,
  }
}
