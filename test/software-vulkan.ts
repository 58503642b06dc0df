import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Chromium keeps SwiftShader, a Vulkan driver that computes on the CPU and has all that WebGPU asks for. */
const DRIVERS = ['/usr/lib/chromium', '/usr/lib64/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'].map(
  (folder) => join(folder, 'vk_swiftshader_icd.json'),
)
const LOADERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'].map((folder) => join(folder, 'libvulkan.so.1'))

/** The file that names the driver; undefined where it, Vulkan's loader or ONNX Runtime's provider is absent. */
export const swiftShader: string | undefined =
  process.platform === 'linux' && process.arch === 'x64' && LOADERS.some((path) => existsSync(path))
    ? DRIVERS.find((path) => existsSync(path))
    : undefined

/** Whether tests can use WebGPU. Where they cannot, their names say how to get it: see {@link onSoftwareVulkan}. */
export const softwareVulkan: boolean = swiftShader !== undefined

/** The name of a group of tests that need WebGPU; where they are skipped, with what to install. */
export const onSoftwareVulkan = (name: string): string =>
  softwareVulkan ? name : `${name} (skipped: install Debian's packages chromium and libvulkan1 for software Vulkan)`

/** What a process needs to find that driver; drivers that the caller named stay. */
export function softwareVulkanEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  if (swiftShader === undefined) return {}
  const runtime = join(tmpdir(), 'graft-xdg-runtime')
  mkdirSync(runtime, { recursive: true, mode: 0o700 })
  return {
    ...(!env.VK_DRIVER_FILES && !env.VK_ICD_FILENAMES && { VK_ICD_FILENAMES: swiftShader }),
    ...(!env.XDG_RUNTIME_DIR && { XDG_RUNTIME_DIR: runtime }),
  }
}
