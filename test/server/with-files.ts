import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openArtifacts } from '../../platform/artifacts/open-artifacts.ts'
import { openFolders } from '../../platform/files/cache.ts'
import type { Jobs } from '../../platform/queue/queue.ts'
import type { FakePlatform } from '../platform/fake-platform.ts'

/** Of what the fake platform lacks, as much as uploads and launches need. What is queued stays queued. */
export async function withFiles(): Promise<Pick<FakePlatform, 'artifacts' | 'folders' | 'jobs'>> {
  const home = await mkdtemp(join(tmpdir(), 'graft-server-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const artifacts = await openArtifacts(join(home, 'artifacts'))
  return {
    artifacts,
    folders: openFolders(artifacts, join(home, 'cache')),
    jobs: {
      queueTraining: async () => {},
      queueShortWork: async () => {},
      waiting: async () => ({ trainings: 0, evaluations: 0, comparisons: 0 }),
    } satisfies Partial<Jobs> as unknown as Jobs,
  }
}
