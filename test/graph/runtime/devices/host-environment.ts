import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type HostEnvironment, thisHost } from '../../../../graph/runtime/devices/query-child.ts'
import { freshPath } from '../../../checkpoint/helpers.ts'
import { softwareVulkanEnv } from '../../../software-vulkan.ts'

/** Creates a folder with these files. */
export function makeFolder(files: Readonly<Record<string, string>>): string {
  const root = freshPath('devices')
  mkdirSync(root, { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/**
 * Returns this machine with other environment variables, and with Chromium's software Vulkan unless they name another
 * driver.
 */
export function withEnv(variables: NodeJS.ProcessEnv): HostEnvironment {
  const { VK_ICD_FILENAMES: _icd, VK_DRIVER_FILES: _files, ...rest } = process.env
  const env = { ...rest, ...variables }
  return { ...thisHost(), env: { ...softwareVulkanEnv(env), ...env } }
}

/** Returns this machine with these programs in place of the ones that call drivers. Each is the text of a module. */
export function withPrograms(programs: { gpuInfo?: string; measure?: string }, timeoutSeconds = 60): HostEnvironment {
  const machine = { ...withEnv({}), timeoutSeconds }
  const written = Object.entries(programs).map(([name, text]) => [
    name,
    join(makeFolder({ 'program.mjs': text }), 'program.mjs'),
  ])
  return { ...machine, programs: { ...machine.programs, ...Object.fromEntries(written) } }
}

/** Returns the text of a program that sends this answer. */
export const answering = (answer: object): string => `process.send(${JSON.stringify(answer)}, () => process.exit(0))`
