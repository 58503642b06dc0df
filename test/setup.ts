import fc from 'fast-check'
import { afterAll, afterEach, vi } from 'vitest'
import { cleanUp } from './after-file.ts'

// Vitest runs this file before each test file, even if the test files share a process. What one test replaces is put
// back even if it fails, so that no other test fails with it.
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})
afterAll(cleanUp)

/** The seed of the generated inputs. With one for every run, a test fails because of a change, not by chance. */
fc.configureGlobal({ seed: Number(process.env.GRAFT_TEST_SEED ?? 1) })
