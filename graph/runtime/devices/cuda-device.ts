import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { DeviceDescription } from './device-description.ts'
import { nvidiaDriver } from './gpu-hardware.ts'
import type { OpenAnswer } from './measure-child.ts'
import { askChild, type Surroundings, thisMachine } from './query-child.ts'

/** The command that fetches the libraries, about 300 MB from NuGet; the package's own script, which npm is told not to run. */
const INSTALL = 'ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js'

/** ONNX Runtime's CUDA provider: is it made for this system, is there a driver, are the libraries there, and does it open? */
export async function describeCuda(
  surroundings: Surroundings = thisMachine(),
  { platform, arch }: { platform: string; arch: string } = process,
): Promise<DeviceDescription> {
  const driver = await nvidiaDriver(surroundings)
  const [gpu] = driver?.gpus ?? []
  const facts = {
    kind: 'cuda' as const,
    name: gpu?.name ?? 'CUDA',
    ...(driver && { vendor: 'nvidia', driver: driver.version, software: false, f16: true }),
    ...(gpu && { memory_bytes: gpu.memoryBytes }),
  }
  const no = (why: string, fix: string) => ({ ...facts, usable: false, why, fix })
  if (platform !== 'linux' || arch !== 'x64')
    return no(
      `onnxruntime-node has a CUDA provider for Linux on x64 alone, and this is ${platform} on ${arch}`,
      'Use --device webgpu, which needs no CUDA.',
    )
  if (!driver)
    return no(
      "NVIDIA's driver is not there (no nvidia-smi, no /proc/driver/nvidia/version)",
      'Install it where there is an NVIDIA GPU (a container needs --gpus all); any GPU works with --device webgpu.',
    )
  if (!existsSync(join(libraries(), 'libonnxruntime_providers_cuda.so')))
    return no(
      "ONNX Runtime's CUDA provider is not installed",
      `Run: ${INSTALL} (docs/gpu.md tells what else it needs).`,
    )
  const outcome = await askChild<OpenAnswer>(surroundings.programs.measure, ['cuda', 'open'], surroundings)
  if (!('answer' in outcome))
    return no(`the process that opened the GPU failed: ${outcome.failure}`, "Update NVIDIA's driver.")
  if ('failure' in outcome.answer) {
    const missing = /\S+: cannot open shared object file/.exec(outcome.stderr)?.[0]
    return no(
      missing ?? outcome.answer.failure,
      'Install the CUDA and cuDNN libraries of the version that it names, and put their folder on LD_LIBRARY_PATH.',
    )
  }
  return { ...facts, usable: true }
}

const libraries = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin/napi-v6/linux/x64')
