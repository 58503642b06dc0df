import { defineConfig } from 'vitest/config'
import { softwareVulkanEnv } from './test/software-vulkan.ts'

// A driver reads the environment that its process began with, so it is set before the processes of the tests start.
Object.assign(process.env, softwareVulkanEnv(process.env))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/bundle.ts', 'test/embedded-template.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    passWithNoTests: false,
  },
})
