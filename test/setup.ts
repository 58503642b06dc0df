import fc from 'fast-check'
import { afterAll } from 'vitest'
import { cleanUp } from './after-file.ts'

// Vitest runs this file before each test file, even if the test files share a process.
afterAll(cleanUp)

/** The seed of the generated inputs. With one for every run, a test fails because of a change, not by chance. */
fc.configureGlobal({ seed: Number(process.env.GRAFT_TEST_SEED ?? 1) })
