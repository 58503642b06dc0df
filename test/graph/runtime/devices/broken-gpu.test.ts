import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { packageRoot } from '../../../../core/entry.ts'
import { describeCuda } from '../../../../graph/runtime/devices/cuda-device.ts'
import { whyNoAdapter } from '../../../../graph/runtime/devices/diagnose-webgpu.ts'
import { gpuHardware } from '../../../../graph/runtime/devices/gpu-hardware.ts'
import { describeWebgpu } from '../../../../graph/runtime/devices/gpu-info.ts'
import { type Surroundings, thisMachine } from '../../../../graph/runtime/devices/query-child.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../../software-vulkan.ts'
import { holding, saying, withEnv, withPrograms } from './surroundings.ts'

/** Asks real drivers in real processes, and expects a device that cannot be used, with these words. */
async function unusable(surroundings: Surroundings, why: string | RegExp, fix: string): Promise<void> {
  const device = await describeWebgpu(surroundings)
  expect(device).toMatchObject({ kind: 'webgpu', usable: false })
  expect(device.why).toMatch(why)
  expect(device.fix).toContain(fix)
}

const icd = (library: string) =>
  JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.3.0' } })

describe.skipIf(!softwareVulkan)(
  onSoftwareVulkan('a Vulkan set-up that is broken is told what is wrong with it:'),
  () => {
    test.each(['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'])('%s names a file that does not exist', async (variable) => {
      await unusable(
        withEnv({ [variable]: '/nowhere/icd.json' }),
        `${variable} names /nowhere/icd.json: there is no such file`,
        `Unset ${variable}`,
      )
    })

    test('the file that describes the driver is no JSON', async () => {
      const path = join(holding({ 'icd.json': '{ "ICD": ' }), 'icd.json')
      await unusable(withEnv({ VK_ICD_FILENAMES: path }), `${path}: it cannot be read`, 'Unset VK_ICD_FILENAMES')
    })

    test('the file names no driver', async () => {
      const path = join(holding({ 'icd.json': '{}' }), 'icd.json')
      await unusable(withEnv({ VK_ICD_FILENAMES: path }), `${path}: it names no driver`, 'Unset VK_ICD_FILENAMES')
    })

    test('the driver that the file names does not exist', async () => {
      const path = join(holding({ 'icd.json': icd('./libgone.so') }), 'icd.json')
      await unusable(
        withEnv({ VK_ICD_FILENAMES: path }),
        /names the driver .*\/libgone\.so, which does not exist/,
        'Unset',
      )
    })

    test('the dynamic linker does not find the driver', async () => {
      const path = join(holding({ 'icd.json': icd('libgone.so.7') }), 'icd.json')
      await unusable(
        withEnv({ VK_ICD_FILENAMES: path }),
        'a Vulkan driver cannot be loaded: libgone.so.7: cannot open shared object file',
        'Install what is missing, or unset VK_ICD_FILENAMES',
      )
    })

    test('the loader is damaged', async () => {
      const path = holding({ 'libvulkan.so.1': 'nonsense' })
      await unusable(
        withEnv({ LD_LIBRARY_PATH: path }),
        `Vulkan's loader cannot be loaded: ${path}/libvulkan.so.1`,
        'LD_LIBRARY_PATH',
      )
    })

    test('no driver is installed', async () => {
      const empty = holding({})
      const env = {
        VK_ICD_FILENAMES: '',
        HOME: empty,
        XDG_DATA_DIRS: empty,
        XDG_DATA_HOME: empty,
        XDG_CONFIG_HOME: empty,
      }
      const machine = { ...withEnv(env), root: empty }
      machine.env = { ...machine.env, VK_ICD_FILENAMES: '' }
      await unusable(machine, 'no Vulkan driver is installed, and the PCI bus shows no GPU', '--device cpu')
    })

    const llvmpipe = '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'
    const noMesa = existsSync(llvmpipe) ? '' : " (skipped: install Debian's mesa-vulkan-drivers)"
    test.skipIf(noMesa)(`the only driver is one that Dawn refuses${noMesa}`, async () => {
      await unusable(
        { ...withEnv({ VK_ICD_FILENAMES: llvmpipe }), root: holding({}) },
        /Dawn refuses the only Vulkan driver that answers \(a software renderer, llvmpipe as a rule\): Vulkan \w+/,
        'where there is a GPU',
      )
    })

    test('the package that tells of the adapter is not installed: the GPU can be used, but little is known of it', async () => {
      const folder = holding({ 'package.json': '{"type":"module"}' })
      const outfile = join(folder, 'adapter-child.mjs')
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
      const device = await describeWebgpu({ ...machine, programs: { ...machine.programs, adapter: outfile } })
      expect(device).toMatchObject({ usable: true, name: 'WebGPU' })
      for (const unknown of ['software', 'f16', 'limits'] as const) expect(device[unknown]).toBeUndefined()
      expect(device.why).toContain('the package webgpu is not installed')
      expect(device.fix).toContain('npm install --no-save webgpu@')
    })
  },
)

describe('a machine without Vulkan’s loader', () => {
  /** In a view of the file system of its own, where a whiteout hides the loader. It takes root. */
  const hidden = (command: string) =>
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
  const without = hidden('true').status === 0 ? '' : ' (skipped: no overlay may be mounted here)'

  test.skipIf(without)(`is told which package has it${without}`, () => {
    const { stdout, stderr } = hidden(
      `'${process.execPath}' '${join(packageRoot, 'cli/main.ts')}' devices --no-measure --json`,
    )
    const [, webgpu] = JSON.parse(stdout || stderr).devices
    expect(webgpu).toMatchObject({
      kind: 'webgpu',
      usable: false,
      why: "Vulkan's loader, libvulkan.so.1, is not installed",
    })
    expect(webgpu.fix).toContain('libvulkan1 (Debian, Ubuntu)')
  })
})

describe('a GPU that is out of reach', () => {
  const bus = {
    'sys/bus/pci/devices/0000:01:00.0/class': '0x030200\n',
    'sys/bus/pci/devices/0000:01:00.0/vendor': '0x10de\n',
  }
  const because = (root: string) => whyNoAdapter('', { ...withEnv({ VK_ICD_FILENAMES: '' }), root })

  test('since the container was not given it, is named with what gives it', () => {
    const { why, fix } = because(holding(bus))
    expect(why).toMatch(/the PCI bus has a GPU of NVIDIA, but there is no device file/)
    expect(fix).toContain('--gpus all with NVIDIA_DRIVER_CAPABILITIES=all')
  })

  test('since its driver lacks the part for Vulkan, is named with that part', () => {
    const { why, fix } = because(holding({ ...bus, 'dev/nvidia0': '' }))
    expect(why).toBe('no Vulkan driver is installed for the GPU of NVIDIA')
    expect(fix).toContain('libnvidia-gl')
  })

  test('since this user may not open it, is named with the groups', () => {
    const root = holding({ 'dev/dri/renderD128': '' })
    const script = `
      import { chmodSync } from 'node:fs'
      import { whyNoAdapter } from '${packageRoot}/graph/runtime/why-no-adapter.ts'
      chmodSync('${root}/dev/dri/renderD128', 0o000)
      if (process.getuid() === 0) process.setuid(65534)
      console.log(JSON.stringify(whyNoAdapter('', { env: {}, root: '${root}' })))`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({
      why: 'this user may not open /dev/dri/renderD128',
      fix: expect.stringContaining('render and video'),
    })
    expect(gpuHardware({ root: holding({ 'dev/dri/renderD128': '' }) }).refused).toEqual([])
  })
})

describe('a driver that', () => {
  test('crashes takes nothing with it', async () => {
    const crash = "process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000)"
    await unusable(withPrograms({ measure: crash }), 'it crashed (SIGSEGV)', "Update the GPU's driver")
  })

  test('hangs is given up after a while', async () => {
    const started = performance.now()
    await unusable(
      withPrograms({ measure: 'while (true);' }, 2),
      'it did not answer within 2 seconds',
      'restart the machine',
    )
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test('ends without a word is told so', async () => {
    await unusable(withPrograms({ measure: 'process.exit(3)' }), 'it ended with exit code 3', '--device cpu')
  })

  test('computes wrongly is not used', async () => {
    const failure = 'it computes wrongly: 3 where 4 is right'
    await unusable(withPrograms({ measure: saying({ supported: ['cpu', 'webgpu'], failure }) }), failure, 'Update')
  })

  test('has limits that are too small is refused with the limit', async () => {
    const adapter = {
      vendor: 'acme',
      architecture: 'old',
      device: 'gt-1',
      description: 'v1',
      fallback: false,
      f16: false,
    }
    const limits = { storageBuffersPerStage: 4, bufferBytes: 2 ** 28, storageBindingBytes: 2 ** 27 }
    const programs = {
      adapter: saying({ package: 'present', adapter: { ...adapter, ...limits } }),
      measure: saying({ supported: ['cpu', 'webgpu'] }),
    }
    await unusable(
      withPrograms(programs),
      'its limit storage_buffers_per_stage is 4, and Graft needs 8',
      '--device cpu',
    )
  })

  test('ONNX Runtime has no provider for is told so', async () => {
    const measure = saying({ supported: ['cpu'], failure: 'no such provider' })
    await unusable(withPrograms({ measure }), 'onnxruntime-node has no WebGPU provider for', 'Linux on x64')
  })
})

describe('CUDA', () => {
  const linux = { platform: 'linux', arch: 'x64' }
  const noTools = { PATH: '/nowhere' }

  test('without NVIDIA’s driver is told so', async () => {
    const machine = { ...withEnv(noTools), root: holding({}) }
    expect(await describeCuda(machine, linux)).toMatchObject({
      usable: false,
      why: expect.stringContaining("NVIDIA's driver is not there"),
      fix: expect.stringContaining('--device webgpu'),
    })
  })

  const library = join(
    packageRoot,
    'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so',
  )
  test.skipIf(existsSync(library))('without ONNX Runtime’s provider is told the command that installs it', async () => {
    const version = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan 23 2025'
    const machine = { ...withEnv(noTools), root: holding({ 'proc/driver/nvidia/version': version }) }
    expect(await describeCuda(machine, linux)).toMatchObject({
      usable: false,
      driver: '570.86.15',
      why: "ONNX Runtime's CUDA provider is not installed",
      fix: expect.stringContaining('node_modules/onnxruntime-node/script/install.js'),
    })
  })

  test('is told to be for Linux on x64 alone elsewhere', async () => {
    const { usable, why } = await describeCuda(thisMachine(), { platform: 'darwin', arch: 'arm64' })
    expect(usable).toBe(false)
    expect(why).toContain('Linux on x64 alone, and this is darwin on arm64')
  })
})
