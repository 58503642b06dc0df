import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Surroundings } from './query-child.ts'

/** What Linux shows of its GPUs, whether or not a program may use them. */
export interface GpuHardware {
  /** Vendors of the display controllers on the PCI bus. */
  vendors: readonly string[]
  /** Device files through which a program reaches a GPU, and those of them that this user may not open. */
  nodes: readonly string[]
  refused: readonly string[]
}

/** PCI-SIG's numbers. */
const VENDORS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' }

/** Reads /sys and /dev. */
export function gpuHardware({ root }: Pick<Surroundings, 'root'>): GpuHardware {
  const pci = `${root}/sys/bus/pci/devices`
  const vendors = list(pci)
    .filter((device) => read(join(pci, device, 'class')).startsWith('0x03'))
    .map((device) => VENDORS[read(join(pci, device, 'vendor'))])
    .filter((vendor) => vendor !== undefined)
  const nodes = [
    ...list(`${root}/dev/dri`)
      .filter((name) => name.startsWith('renderD'))
      .map((name) => `/dev/dri/${name}`),
    ...list(`${root}/dev`)
      .filter((name) => /^(nvidia\d+|dxg)$/.test(name))
      .map((name) => `/dev/${name}`),
  ]
  return { vendors: [...new Set(vendors)], nodes, refused: nodes.filter((node) => !mayOpen(root + node)) }
}

export interface NvidiaDriver {
  version: string
  gpus: readonly { name: string; memoryBytes: number }[]
}

/** NVIDIA's kernel driver and what its own tool tells; undefined where there is no driver. */
export async function nvidiaDriver({
  root,
  env,
}: Pick<Surroundings, 'root' | 'env'>): Promise<NvidiaDriver | undefined> {
  const answer = await output(
    'nvidia-smi',
    ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader,nounits'],
    env,
  )
  const rows = answer
    .split('\n')
    .map((line) => line.split(', '))
    .filter((row) => row.length === 3)
  const gpus = rows.map(([name, , mebibytes]) => ({ name, memoryBytes: Number(mebibytes) * 2 ** 20 }))
  const version = rows[0]?.[1] ?? /Kernel Module\D*([\d.]+)/.exec(read(`${root}/proc/driver/nvidia/version`))?.[1]
  return version === undefined ? undefined : { version, gpus }
}

/** Nothing where the tool is missing, fails or hangs. */
const output = (command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> =>
  new Promise((resolve) => {
    execFile(command, args, { env, timeout: 10_000, killSignal: 'SIGKILL' }, (error, stdout) =>
      resolve(error ? '' : stdout),
    )
  })

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
    return true
  } catch {
    return false
  }
}

const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : [])

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '')
