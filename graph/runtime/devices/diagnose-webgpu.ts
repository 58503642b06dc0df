import { basename } from 'node:path'
import { readGpuHardware } from './gpu-hardware.ts'
import type { HostEnvironment } from './query-child.ts'
import { findVulkanDrivers } from './vulkan-drivers.ts'

/** The reason that a device cannot be used, and how to fix it. */
export interface Diagnosis {
  reason: string
  fix: string
}

const LOADER_PACKAGES = 'libvulkan1 (Debian, Ubuntu), vulkan-loader (Fedora) or vulkan-icd-loader (Arch)'
const DRIVER_PACKAGES: Readonly<Record<string, string>> = {
  NVIDIA:
    "NVIDIA's driver with its graphics part (libnvidia-gl-… on Ubuntu, nvidia-driver-libs on Debian); a container needs NVIDIA_DRIVER_CAPABILITIES=all",
  AMD: 'mesa-vulkan-drivers (Debian, Ubuntu, Fedora) or vulkan-radeon (Arch)',
  Intel: 'mesa-vulkan-drivers (Debian, Ubuntu, Fedora) or vulkan-intel (Arch)',
}

/**
 * Diagnoses why Dawn found no GPU, from its output and from the hardware and drivers of this machine.
 * @param stderr the output on stderr of the process that opened WebGPU
 */
export function diagnoseWebgpu(stderr: string, host: HostEnvironment, platform = process.platform): Diagnosis {
  if (platform === 'darwin')
    return {
      reason: 'Metal reports no GPU',
      fix: 'Virtual machines often have no GPU. Run Graft on the physical machine.',
    }
  if (platform === 'win32')
    return {
      reason: 'Direct3D 12 reports no GPU',
      fix: "Install the driver of the GPU's vendor. In a remote desktop session or a container, give it access to the GPU.",
    }
  return (
    diagnoseLoader(stderr) ??
    diagnoseManifest(stderr, host) ??
    diagnoseAccess(host) ??
    diagnoseRefusal(stderr, host) ??
    diagnoseMissingDriver(host)
  )
}

function diagnoseLoader(stderr: string): Diagnosis | undefined {
  const message = /Couldn't load Vulkan: (.*)/.exec(stderr)?.[1]
  if (message === undefined) return undefined
  return /libvulkan\.so\.1: cannot open shared object file: No such file/.test(message)
    ? { reason: 'the Vulkan loader, libvulkan.so.1, is not installed', fix: `Install ${LOADER_PACKAGES}.` }
    : {
        reason: `the Vulkan loader cannot be loaded: ${message}`,
        fix: `Remove that file from LD_LIBRARY_PATH, or reinstall ${LOADER_PACKAGES}.`,
      }
}

function diagnoseManifest(stderr: string, host: HostEnvironment): Diagnosis | undefined {
  const { variable, manifests } = findVulkanDrivers(host)
  if (manifests.some(({ problem }) => problem === undefined)) return diagnoseLibrary(stderr, variable)
  const [first] = manifests
  if (!first) return undefined
  const location = variable ? `${variable} names ${first.path}: ` : `the Vulkan driver is described by ${first.path}: `
  return {
    reason: `${location}${first.problem}`,
    fix: variable
      ? `Unset ${variable}, or set it to the .json file of an installed Vulkan driver.`
      : 'Reinstall the package of that driver.',
  }
}

/** Diagnoses a driver whose library, or one of its dependencies, the dynamic linker does not find. */
function diagnoseLibrary(stderr: string, variable: string | undefined): Diagnosis | undefined {
  if (!stderr.includes('Found no drivers')) return undefined
  const message = /Warning: (\S+: cannot open shared object file.*)/.exec(stderr)?.[1]
  return message === undefined
    ? undefined
    : {
        reason: `a Vulkan driver cannot be loaded: ${message}`,
        fix: `Install the missing library${variable ? `, or unset ${variable}` : ''}.`,
      }
}

/** Diagnoses a GPU that this process cannot access: a container without it, or a user without permission. */
function diagnoseAccess(host: HostEnvironment): Diagnosis | undefined {
  const { vendors, nodes, inaccessible } = readGpuHardware(host)
  if (nodes.length === 0 && vendors.length > 0)
    return {
      reason: `the PCI bus has a GPU of ${vendors.join(' and ')}, but it has no device file (/dev/dri/renderD… or /dev/nvidia…)`,
      fix: 'Give the container access to the GPU: --device /dev/dri for AMD and Intel, --gpus all with NVIDIA_DRIVER_CAPABILITIES=all for NVIDIA. Outside a container, install the kernel driver.',
    }
  if (nodes.length > 0 && inaccessible.length === nodes.length)
    return {
      reason: `this user is not allowed to open ${inaccessible.join(', ')}`,
      fix: 'Add the user to the groups that own it (usually render and video) and log in again. For a container, use --group-add with the ids of the groups.',
    }
  return undefined
}

function diagnoseRefusal(stderr: string, host: HostEnvironment): Diagnosis | undefined {
  const message = /Warning: (.*?)\.?\n - While initializing adapter/.exec(stderr)?.[1]
  if (message === undefined) return undefined
  const { vendors } = readGpuHardware(host)
  return {
    reason: `Dawn rejects the only Vulkan driver that responds${vendors.length === 0 ? ' (a software renderer, usually llvmpipe)' : ''}: ${message}`,
    fix: adviseDriver(vendors),
  }
}

function diagnoseMissingDriver(host: HostEnvironment): Diagnosis {
  const { vendors } = readGpuHardware(host)
  const { manifests } = findVulkanDrivers(host)
  const names = manifests.map(({ path }) => basename(path))
  return {
    reason:
      names.length > 0
        ? `no Vulkan driver (${names.join(', ')}) reports a GPU`
        : `no Vulkan driver is installed${vendors.length > 0 ? ` for the GPU of ${vendors.join(' and ')}` : ', and the PCI bus has no GPU'}`,
    fix: adviseDriver(vendors),
  }
}

const adviseDriver = (vendors: readonly string[]): string =>
  vendors.length === 0
    ? 'Use --device cpu, or run Graft on a machine with a GPU. docs/gpu.md lists what each vendor needs.'
    : `Install the newest ${vendors.map((vendor) => DRIVER_PACKAGES[vendor]).join('; ')}.`
