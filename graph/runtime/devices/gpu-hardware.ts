import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostEnvironment } from './query-child.ts'

/** The GPUs that Linux sees, whether or not this process can use them. */
export interface GpuHardware {
  /** The vendors of the display controllers on the PCI bus. */
  vendors: readonly string[]
  /** The device files of GPUs. */
  nodes: readonly string[]
  /** The device files that this user is not allowed to open. */
  inaccessible: readonly string[]
}

/** GPU vendors by the vendor ids of PCI-SIG. */
const PCI_VENDORS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' }

/** Reads the GPUs from /sys and /dev. */
export function readGpuHardware({ root }: Pick<HostEnvironment, 'root'>): GpuHardware {
  const pci = `${root}/sys/bus/pci/devices`
  const vendors = listFolder(pci)
    .filter((device) => readText(join(pci, device, 'class')).startsWith('0x03'))
    .map((device) => PCI_VENDORS[readText(join(pci, device, 'vendor'))])
    .filter((vendor) => vendor !== undefined)
  const nodes = [
    ...listFolder(`${root}/dev/dri`)
      .filter((name) => name.startsWith('renderD'))
      .map((name) => `/dev/dri/${name}`),
    ...listFolder(`${root}/dev`)
      .filter((name) => /^(nvidia\d+|dxg)$/.test(name))
      .map((name) => `/dev/${name}`),
  ]
  return { vendors: [...new Set(vendors)], nodes, inaccessible: nodes.filter((node) => !canOpen(root + node)) }
}

/** NVIDIA's kernel driver and the GPUs that it reports. */
export interface NvidiaDriver {
  version: string
  gpus: readonly { name: string; memoryBytes: number }[]
}

/** Queries NVIDIA's driver with nvidia-smi, or its version with /proc. Returns undefined if no driver is installed. */
export async function queryNvidiaDriver({
  root,
  env,
}: Pick<HostEnvironment, 'root' | 'env'>): Promise<NvidiaDriver | undefined> {
  const csv = await runCommand(
    'nvidia-smi',
    ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader,nounits'],
    env,
  )
  const rows = csv
    .split('\n')
    .map((line) => line.split(', '))
    .filter((row) => row.length === 3)
  const gpus = rows.map(([name, , mebibytes]) => ({ name, memoryBytes: Number(mebibytes) * 2 ** 20 }))
  const version = rows[0]?.[1] ?? /Kernel Module\D*([\d.]+)/.exec(readText(`${root}/proc/driver/nvidia/version`))?.[1]
  return version === undefined ? undefined : { version, gpus }
}

/** Returns the output of a command, or an empty string if the command is missing, fails or hangs. */
const runCommand = (command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> =>
  new Promise((resolve) => {
    execFile(command, args, { env, timeout: 10_000, killSignal: 'SIGKILL' }, (error, stdout) =>
      resolve(error ? '' : stdout),
    )
  })

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

const listFolder = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : [])

const readText = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '')
