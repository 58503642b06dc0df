import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'
import { NODE_FLAGS } from './test/node-flags.ts'
import { slowestFiles } from './test/slowest-files.ts'

/** A file for the results as JSON. */
const report = process.env.GRAFT_TEST_REPORT

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/setup.ts'],
    reporters: ['default', slowestFiles, ...(report ? [['json', { outputFile: report }] as ['json', object]] : [])],
    pool: 'forks',
    // Files share processes: starting one for each, and importing in it what nearly all import, took a third of the
    // time.
    isolate: false,
    execArgv: [...NODE_FLAGS],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    passWithNoTests: false,
  },
})
