import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { DeviceDescription } from './device-description.ts'
import { queryNvidiaDriver } from './gpu-hardware.ts'
import type { OpenAnswer } from './measure-child.ts'
import { type HostEnvironment, queryChild, thisHost } from './query-child.ts'

/**
 * Downloads the libraries, about 300 MB, from NuGet. It is the install script of the package, which npm is configured
 * not to run.
 */
const INSTALL_COMMAND = 'ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js'

/**
 * Describes ONNX Runtime's CUDA provider. Checks that it exists for this system, finds a driver and its libraries, and
 * opens it.
 */
export async function describeCuda(
  host: HostEnvironment = thisHost(),
  { platform, arch }: { platform: string; arch: string } = process,
): Promise<DeviceDescription> {
  const driver = await queryNvidiaDriver(host)
  const [gpu] = driver?.gpus ?? []
  const known = {
    kind: 'cuda' as const,
    name: gpu?.name ?? 'CUDA',
    ...(driver && { vendor: 'nvidia', driver: driver.version, software: false, f16: true }),
    ...(gpu && { memory_bytes: gpu.memoryBytes }),
  }
  const unusable = (reason: string, fix: string) => ({ ...known, usable: false, reason, fix })
  if (platform !== 'linux' || arch !== 'x64')
    return unusable(
      `onnxruntime-node has a CUDA provider only for Linux on x64, and this machine is ${platform} on ${arch}`,
      'Use --device webgpu, which needs no CUDA.',
    )
  if (!driver)
    return unusable(
      "NVIDIA's driver is not installed (nvidia-smi and /proc/driver/nvidia/version are missing)",
      'If this machine has an NVIDIA GPU, install its driver (a container needs --gpus all). Otherwise use --device webgpu, which works with any GPU.',
    )
  if (!existsSync(join(librariesFolder(), 'libonnxruntime_providers_cuda.so')))
    return unusable(
      "ONNX Runtime's CUDA provider is not installed",
      `Run: ${INSTALL_COMMAND} (docs/gpu.md lists what else it needs).`,
    )
  const outcome = await queryChild<OpenAnswer>(host.programs.measure, ['cuda', 'open'], host)
  if (!('answer' in outcome))
    return unusable(`the process that opened the GPU failed: ${outcome.failure}`, "Update NVIDIA's driver.")
  if ('failure' in outcome.answer) {
    const missing = /\S+: cannot open shared object file/.exec(outcome.stderr)?.[0]
    return unusable(
      missing ?? outcome.answer.failure,
      'Install the CUDA and cuDNN libraries of the versions that the message names, and add their folder to LD_LIBRARY_PATH.',
    )
  }
  return { ...known, usable: true }
}

const librariesFolder = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin/napi-v6/linux/x64')
