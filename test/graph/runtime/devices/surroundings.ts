import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { type Surroundings, thisMachine } from '../../../../graph/runtime/devices/query-child.ts'
import { softwareVulkanEnv } from '../../../software-vulkan.ts'

const folder = mkdtempSync(join(tmpdir(), 'graft-devices-'))
// Other users look in it, too: what they may not open lies deeper.
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let made = 0

/** A folder with these files. */
export function holding(files: Readonly<Record<string, string>>): string {
  const root = join(folder, `${made++}`)
  mkdirSync(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** This machine with other variables, and with Chromium's software Vulkan unless they name another driver. */
export function withEnv(variables: NodeJS.ProcessEnv): Surroundings {
  const { VK_ICD_FILENAMES: _icd, VK_DRIVER_FILES: _files, ...rest } = process.env
  const env = { ...rest, ...variables }
  return { ...thisMachine(), env: { ...softwareVulkanEnv(env), ...env } }
}

/** This machine with drivers that behave as these programs do. Each is the text of a module. */
export function withPrograms(programs: { adapter?: string; measure?: string }, seconds = 60): Surroundings {
  const machine = { ...withEnv({}), seconds }
  const written = Object.entries(programs).map(([name, text]) => [
    name,
    join(holding({ 'program.mjs': text }), 'program.mjs'),
  ])
  return { ...machine, programs: { ...machine.programs, ...Object.fromEntries(written) } }
}

/** A program that gives this answer. */
export const saying = (answer: object): string => `process.send(${JSON.stringify(answer)}, () => process.exit(0))`
