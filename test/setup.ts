import { afterAll } from 'vitest'
import { cleanUp } from './after-file.ts'

// Vitest runs this file before each test file, even if the test files share a process.
afterAll(cleanUp)
