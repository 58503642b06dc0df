import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { openStore } from '../platform/store/open-store.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The home of an embedded database without rows, to be copied: making one takes seconds. */
    embeddedTemplate: string
  }
}

/** Before all tests. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'graft-template-'))
  await (await openStore({ databaseUrl: '', home })).close()
  project.provide('embeddedTemplate', home)
  return () => rm(home, { recursive: true, force: true })
}
