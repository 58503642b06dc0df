import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../../../core/entry.ts'
import { describeCuda } from '../../../../graph/runtime/devices/cuda-device.ts'
import { diagnoseWebgpu } from '../../../../graph/runtime/devices/diagnose-webgpu.ts'
import { readGpuHardware } from '../../../../graph/runtime/devices/gpu-hardware.ts'
import { describeWebgpu } from '../../../../graph/runtime/devices/gpu-info.ts'
import { type HostEnvironment, thisHost } from '../../../../graph/runtime/devices/query-child.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../../software-vulkan.ts'
import { answering, makeFolder, withEnv, withPrograms } from './host-environment.ts'

/** Opens WebGPU with real drivers in real processes, and expects an unusable device with this reason and fix. */
async function expectUnusable(host: HostEnvironment, reason: string | RegExp, fix: string): Promise<void> {
  const device = await describeWebgpu(host)
  expect(device).toMatchObject({ kind: 'webgpu', usable: false })
  expect(device.reason).toMatch(reason)
  expect(device.fix).toContain(fix)
}

const icd = (library: string) =>
  JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.3.0' } })

describe.skipIf(!softwareVulkan)(onSoftwareVulkan('graft devices explains a broken Vulkan installation:'), () => {
  test.each(['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'])('%s names a file that does not exist', async (variable) => {
    await expectUnusable(
      withEnv({ [variable]: '/nowhere/icd.json' }),
      `${variable} names /nowhere/icd.json: the file does not exist`,
      `Unset ${variable}`,
    )
  })

  test('the file that describes the driver is not JSON', async () => {
    const path = join(makeFolder({ 'icd.json': '{ "ICD": ' }), 'icd.json')
    await expectUnusable(
      withEnv({ VK_ICD_FILENAMES: path }),
      `${path}: the file cannot be read`,
      'Unset VK_ICD_FILENAMES',
    )
  })

  test('the file names no driver', async () => {
    const path = join(makeFolder({ 'icd.json': '{}' }), 'icd.json')
    await expectUnusable(
      withEnv({ VK_ICD_FILENAMES: path }),
      `${path}: the file names no driver`,
      'Unset VK_ICD_FILENAMES',
    )
  })

  test('the driver that the file names does not exist', async () => {
    const path = join(makeFolder({ 'icd.json': icd('./libgone.so') }), 'icd.json')
    await expectUnusable(
      withEnv({ VK_ICD_FILENAMES: path }),
      /names the driver .*\/libgone\.so, which does not exist/,
      'Unset',
    )
  })

  test('the dynamic linker does not find the driver', async () => {
    const path = join(makeFolder({ 'icd.json': icd('libgone.so.7') }), 'icd.json')
    await expectUnusable(
      withEnv({ VK_ICD_FILENAMES: path }),
      'a Vulkan driver cannot be loaded: libgone.so.7: cannot open shared object file',
      'Install the missing library, or unset VK_ICD_FILENAMES',
    )
  })

  test('the loader is corrupt', async () => {
    const path = makeFolder({ 'libvulkan.so.1': 'nonsense' })
    await expectUnusable(
      withEnv({ LD_LIBRARY_PATH: path }),
      `the Vulkan loader cannot be loaded: ${path}/libvulkan.so.1`,
      'LD_LIBRARY_PATH',
    )
  })

  test('no driver is installed', async () => {
    const empty = makeFolder({})
    const env = {
      VK_ICD_FILENAMES: '',
      HOME: empty,
      XDG_DATA_DIRS: empty,
      XDG_DATA_HOME: empty,
      XDG_CONFIG_HOME: empty,
    }
    const machine = { ...withEnv(env), root: empty }
    machine.env = { ...machine.env, VK_ICD_FILENAMES: '' }
    await expectUnusable(machine, 'no Vulkan driver is installed, and the PCI bus has no GPU', '--device cpu')
  })

  const llvmpipe = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'
  const noMesa = existsSync(llvmpipe) ? '' : " (skipped: install Debian's mesa-vulkan-drivers)"
  test.skipIf(noMesa)(`Dawn rejects the only driver${noMesa}`, async () => {
    await expectUnusable(
      { ...withEnv({ VK_ICD_FILENAMES: llvmpipe }), root: makeFolder({}) },
      /Dawn rejects the only Vulkan driver that responds \(a software renderer, usually llvmpipe\): Vulkan \w+/,
      'on a machine with a GPU',
    )
  })

  test('the package that describes the GPU is not installed: the GPU can be used, but its properties are unknown', async () => {
    const folder = makeFolder({ 'package.json': '{"type":"module"}' })
    const outfile = join(folder, 'gpu-info-child.mjs')
    const source = join(packageRoot, 'graph/runtime/devices/gpu-info-child.ts')
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['webgpu'],
    })
    const machine = withEnv({})
    const device = await describeWebgpu({ ...machine, programs: { ...machine.programs, gpuInfo: outfile } })
    expect(device).toMatchObject({ usable: true, name: 'WebGPU' })
    for (const unknown of ['software', 'f16', 'limits'] as const) expect(device[unknown]).toBeUndefined()
    expect(device.reason).toContain('the package webgpu is not installed')
    expect(device.fix).toContain('npm install --no-save webgpu@')
  })
})

describe('a machine without the Vulkan loader', () => {
  /** Runs a command in a mount namespace in which an overlay hides the loader. Requires root. */
  const runWithoutLoader = (command: string) =>
    spawnSync(
      'unshare',
      [
        '-m',
        'sh',
        '-c',
        `
      for lib in /usr/lib/x86_64-linux-gnu /usr/lib64; do
        [ -e $lib/libvulkan.so.1 ] || continue
        layer=$(mktemp -d) && mknod $layer/libvulkan.so.1 c 0 0 && mount -t overlay overlay -o lowerdir=$layer:$lib $lib || exit 9
      done
      ${command}`,
      ],
      { encoding: 'utf8' },
    )
  const skipNote = runWithoutLoader('true').status === 0 ? '' : ' (skipped: this user cannot mount an overlay)'

  test.skipIf(skipNote)(`names the package to install${skipNote}`, () => {
    const { stdout, stderr } = runWithoutLoader(
      `'${process.execPath}' '${join(packageRoot, 'cli/main.ts')}' devices --no-measure --json`,
    )
    const [, webgpu] = JSON.parse(stdout || stderr).devices
    expect(webgpu).toMatchObject({
      kind: 'webgpu',
      usable: false,
      reason: 'the Vulkan loader, libvulkan.so.1, is not installed',
    })
    expect(webgpu.fix).toContain('libvulkan1 (Debian, Ubuntu)')
  })
})

describe('a GPU that cannot be accessed', () => {
  const bus = {
    'sys/bus/pci/devices/0000:01:00.0/class': '0x030200\n',
    'sys/bus/pci/devices/0000:01:00.0/vendor': '0x10de\n',
  }
  const diagnose = (root: string) => diagnoseWebgpu('', { ...withEnv({ VK_ICD_FILENAMES: '' }), root })

  test('because the container has no access is reported with the flag that grants it', () => {
    const { reason, fix } = diagnose(makeFolder(bus))
    expect(reason).toMatch(/the PCI bus has a GPU of NVIDIA, but it has no device file/)
    expect(fix).toContain('--gpus all with NVIDIA_DRIVER_CAPABILITIES=all')
  })

  test('because its driver lacks Vulkan is reported with the missing package', () => {
    const { reason, fix } = diagnose(makeFolder({ ...bus, 'dev/nvidia0': '' }))
    expect(reason).toBe('no Vulkan driver is installed for the GPU of NVIDIA')
    expect(fix).toContain('libnvidia-gl')
  })

  test('because this user has no permission is reported with the groups to join', () => {
    const root = makeFolder({ 'dev/dri/renderD128': '' })
    const script = `
      import { chmodSync } from 'node:fs'
      import { diagnoseWebgpu } from '${packageRoot}/graph/runtime/devices/diagnose-webgpu.ts'
      chmodSync('${root}/dev/dri/renderD128', 0o000)
      if (process.getuid() === 0) process.setuid(65534)
      console.log(JSON.stringify(diagnoseWebgpu('', { env: {}, root: '${root}' })))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({
      reason: 'this user is not allowed to open /dev/dri/renderD128',
      fix: expect.stringContaining('render and video'),
    })
    expect(readGpuHardware({ root: makeFolder({ 'dev/dri/renderD128': '' }) }).inaccessible).toEqual([])
  })
})

describe('a driver that', () => {
  test('crashes does not crash Graft', async () => {
    const crash = "process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000)"
    await expectUnusable(withPrograms({ measure: crash }), 'it crashed (SIGSEGV)', 'Update the GPU driver')
  })

  test('hangs is killed after a timeout', async () => {
    const started = performance.now()
    await expectUnusable(
      withPrograms({ measure: 'while (true);' }, 2),
      'it did not answer within 2 seconds',
      'restart the machine',
    )
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test('exits without an answer is reported with its exit code', async () => {
    await expectUnusable(withPrograms({ measure: 'process.exit(3)' }), 'it exited with code 3', '--device cpu')
  })

  test('computes wrong results is not used', async () => {
    const failure = 'it computes wrong results: 3 instead of 4'
    await expectUnusable(
      withPrograms({ measure: answering({ supported: ['cpu', 'webgpu'], failure }) }),
      failure,
      'Update',
    )
  })

  test('has limits that are too small is rejected with the limit', async () => {
    const gpu = {
      vendor: 'acme',
      architecture: 'old',
      device: 'gt-1',
      description: 'v1',
      fallback: false,
      f16: false,
    }
    const limits = { storageBuffersPerStage: 4, bufferBytes: 2 ** 28, storageBindingBytes: 2 ** 27 }
    const programs = {
      gpuInfo: answering({ package: 'present', gpu: { ...gpu, ...limits } }),
      measure: answering({ supported: ['cpu', 'webgpu'] }),
    }
    await expectUnusable(
      withPrograms(programs),
      'its limit storage_buffers_per_stage is 4, but Graft needs 8',
      '--device cpu',
    )
  })

  test('ONNX Runtime does not support is reported with the supported systems', async () => {
    const measure = answering({ supported: ['cpu'], failure: 'no such provider' })
    await expectUnusable(withPrograms({ measure }), 'onnxruntime-node has no WebGPU provider for', 'Linux on x64')
  })
})

describe('CUDA', () => {
  const linux = { platform: 'linux', arch: 'x64' }
  const noTools = { PATH: '/nowhere' }

  test('without NVIDIA’s driver is reported as missing the driver', async () => {
    const machine = { ...withEnv(noTools), root: makeFolder({}) }
    expect(await describeCuda(machine, linux)).toMatchObject({
      usable: false,
      reason: expect.stringContaining("NVIDIA's driver is not installed"),
      fix: expect.stringContaining('--device webgpu'),
    })
  })

  const library = join(
    packageRoot,
    'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so',
  )
  test.skipIf(existsSync(library))(
    'without ONNX Runtime’s provider is reported with the command that installs it',
    async () => {
      const version = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 2025'
      const machine = { ...withEnv(noTools), root: makeFolder({ 'proc/driver/nvidia/version': version }) }
      expect(await describeCuda(machine, linux)).toMatchObject({
        usable: false,
        driver: '570.86.15',
        reason: "ONNX Runtime's CUDA provider is not installed",
        fix: expect.stringContaining('node_modules/onnxruntime-node/script/install.js'),
      })
    },
  )

  test('is reported as available only for Linux on x64 on other systems', async () => {
    const { usable, reason } = await describeCuda(thisHost(), { platform: 'darwin', arch: 'arm64' })
    expect(usable).toBe(false)
    expect(reason).toContain('only for Linux on x64, and this machine is darwin on arm64')
  })
})
