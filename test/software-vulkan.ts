import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasPeer } from './peers.ts'

/**
 * The places where Chromium installs SwiftShader, a Vulkan driver that computes on the CPU and supports all that WebGPU
 * needs.
 */
const DRIVERS = ['/usr/lib/chromium', '/usr/lib64/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'].map(
  (folder) => join(folder, 'vk_swiftshader_icd.json'),
)
const LOADERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].map((folder) => join(folder, 'libvulkan.so.1'))

/** The file that names the driver. Undefined if it, Vulkan's loader or ONNX Runtime's provider is missing. */
export const swiftShader: string | undefined =
  process.platform === 'linux' && process.arch === 'x64' && LOADERS.some((path) => hasPeer(path))
    ? DRIVERS.find((path) => hasPeer(path))
    : undefined

/** True if tests can use WebGPU. Otherwise their names say how to install it: see {@link onSoftwareVulkan}. */
export const softwareVulkan: boolean = swiftShader !== undefined

/** Returns the name of a group of tests that need WebGPU. If they are skipped, the name says what to install. */
export const onSoftwareVulkan = (name: string): string =>
  softwareVulkan ? name : `${name} (skipped: install Debian's packages chromium and libvulkan1 for software Vulkan)`

/** Returns the variables with which a process finds that driver. Keeps drivers that the caller has named. */
export function softwareVulkanEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  if (swiftShader === undefined) return {}
  const runtime = join(tmpdir(), 'graft-xdg-runtime')
  mkdirSync(runtime, { recursive: true, mode: 0o700 })
  return {
    ...(!env.VK_DRIVER_FILES && !env.VK_ICD_FILENAMES && { VK_ICD_FILENAMES: swiftShader }),
    ...(!env.XDG_RUNTIME_DIR && { XDG_RUNTIME_DIR: runtime }),
  }
}
