import { basename } from 'node:path'
import { gpuHardware } from './gpu-hardware.ts'
import type { Surroundings } from './query-child.ts'
import { vulkanDrivers } from './vulkan-drivers.ts'

export interface Reason {
  why: string
  fix: string
}

const LOADER = 'libvulkan1 (Debian, Ubuntu), vulkan-loader (Fedora) or vulkan-icd-loader (Arch)'
const DRIVERS: Readonly<Record<string, string>> = {
  NVIDIA:
    "NVIDIA's driver with its graphics part (libnvidia-gl-… on Ubuntu, nvidia-driver-libs on Debian); a container needs NVIDIA_DRIVER_CAPABILITIES=all",
  AMD: 'mesa-vulkan-drivers (Debian, Ubuntu, Fedora) or vulkan-radeon (Arch)',
  Intel: 'mesa-vulkan-drivers (Debian, Ubuntu, Fedora) or vulkan-intel (Arch)',
}

/**
 * Why Dawn found no GPU, from what it wrote and from what this machine has.
 * @param stderr what the process that asked for an adapter wrote
 */
export function whyNoAdapter(stderr: string, surroundings: Surroundings, platform = process.platform): Reason {
  if (platform === 'darwin')
    return { why: 'Metal offers no GPU', fix: 'A virtual machine often has none: run Graft on the machine itself.' }
  if (platform === 'win32')
    return {
      why: 'Direct3D 12 offers no GPU',
      fix: "Install the driver from the GPU's vendor; over remote desktop or in a container, give it the GPU.",
    }
  return (
    noLoader(stderr) ??
    badManifest(stderr, surroundings) ??
    outOfReach(surroundings) ??
    refused(stderr, surroundings) ??
    noDriver(surroundings)
  )
}

function noLoader(stderr: string): Reason | undefined {
  const message = /Couldn't load Vulkan: (.*)/.exec(stderr)?.[1]
  if (message === undefined) return undefined
  return /libvulkan\.so\.1: cannot open shared object file: No such file/.test(message)
    ? { why: "Vulkan's loader, libvulkan.so.1, is not installed", fix: `Install ${LOADER}.` }
    : {
        why: `Vulkan's loader cannot be loaded: ${message}`,
        fix: `Take that file off LD_LIBRARY_PATH, or install ${LOADER} again.`,
      }
}

function badManifest(stderr: string, surroundings: Surroundings): Reason | undefined {
  const { variable, manifests } = vulkanDrivers(surroundings)
  if (manifests.some(({ fault }) => fault === undefined)) return unloadable(stderr, variable)
  const [first] = manifests
  if (!first) return undefined
  const where = variable ? `${variable} names ${first.path}: ` : `Vulkan's driver is described by ${first.path}: `
  return {
    why: `${where}${first.fault}`,
    fix: variable
      ? `Unset ${variable}, or set it to the .json file of an installed Vulkan driver.`
      : 'Install the package of that driver again.',
  }
}

/** A driver whose library, or one that it needs, the dynamic linker does not find. */
function unloadable(stderr: string, variable: string | undefined): Reason | undefined {
  if (!stderr.includes('Found no drivers')) return undefined
  const message = /Warning: (\S+: cannot open shared object file.*)/.exec(stderr)?.[1]
  return message === undefined
    ? undefined
    : {
        why: `a Vulkan driver cannot be loaded: ${message}`,
        fix: `Install what is missing${variable ? `, or unset ${variable}` : ''}.`,
      }
}

/** A GPU that is there, and that this process may not reach: a container without it, or a user without the right. */
function outOfReach(surroundings: Surroundings): Reason | undefined {
  const { vendors, nodes, refused: closed } = gpuHardware(surroundings)
  if (nodes.length === 0 && vendors.length > 0)
    return {
      why: `the PCI bus has a GPU of ${vendors.join(' and ')}, but there is no device file of it (/dev/dri/renderD… or /dev/nvidia…)`,
      fix: 'Give the container the GPU: --device /dev/dri for AMD and Intel, --gpus all with NVIDIA_DRIVER_CAPABILITIES=all for NVIDIA. Outside a container, install its kernel driver.',
    }
  if (nodes.length > 0 && closed.length === nodes.length)
    return {
      why: `this user may not open ${closed.join(', ')}`,
      fix: 'Add the user to the groups that own it (render and video, as a rule) and log in again; for a container, --group-add with their numbers.',
    }
  return undefined
}

function refused(stderr: string, surroundings: Surroundings): Reason | undefined {
  const message = /Warning: (.*?)\.?\n - While initializing adapter/.exec(stderr)?.[1]
  if (message === undefined) return undefined
  const { vendors } = gpuHardware(surroundings)
  return {
    why: `Dawn refuses the only Vulkan driver that answers${vendors.length === 0 ? ' (a software renderer, llvmpipe as a rule)' : ''}: ${message}`,
    fix: newest(vendors),
  }
}

function noDriver(surroundings: Surroundings): Reason {
  const { vendors } = gpuHardware(surroundings)
  const { manifests } = vulkanDrivers(surroundings)
  const names = manifests.map(({ path }) => basename(path))
  return {
    why:
      names.length > 0
        ? `no Vulkan driver (${names.join(', ')}) offers a GPU`
        : `no Vulkan driver is installed${vendors.length > 0 ? ` for the GPU of ${vendors.join(' and ')}` : ', and the PCI bus shows no GPU'}`,
    fix: newest(vendors),
  }
}

const newest = (vendors: readonly string[]): string =>
  vendors.length === 0
    ? 'Run Graft where there is a GPU, with --device cpu until then. docs/gpu.md tells what each vendor needs.'
    : `Install the newest ${vendors.map((vendor) => DRIVERS[vendor]).join('; ')}.`
