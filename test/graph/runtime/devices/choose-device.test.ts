import { describe, expect, test } from 'vitest'
import { chooseAutomatically, chooseDevice } from '../../../../graph/runtime/devices/choose-device.ts'
import type { DeviceDescription } from '../../../../graph/runtime/devices/device-description.ts'
import type { Measurement } from '../../../../graph/runtime/devices/measure-child.ts'
import { expectError } from '../../../checkpoint/helpers.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../../software-vulkan.ts'
import { answering, makeFolder, withEnv, withPrograms } from './host-environment.ts'

const gpu: DeviceDescription = { kind: 'webgpu', usable: true, name: 'acme gt-1', software: false, f16: true }

/** Returns a function that measures these speeds, and the devices that it measured. */
function makeMeasure(webgpu: number | string, cpu: number | string) {
  const measured: string[] = []
  const toMeasurement = (speed: number | string): Measurement | string =>
    typeof speed === 'string' ? speed : { gflops: speed, gigabytesPerSecond: 1 }
  const measure = async (device: 'cpu' | 'webgpu') => {
    measured.push(device)
    return toMeasurement(device === 'cpu' ? cpu : webgpu)
  }
  return { measured, measure }
}

describe('--device auto', () => {
  test('chooses the GPU if it is faster, and says both speeds', async () => {
    const { measured, measure } = makeMeasure(5000.4, 200)
    expect(await chooseAutomatically(gpu, measure)).toEqual({
      device: 'webgpu',
      reason: 'acme gt-1 multiplies matrices faster than the CPU: 5000 GFLOP/s against 200.',
    })
    expect(measured).toEqual(['webgpu', 'cpu'])
  })

  test('chooses the CPU if the GPU is slower or could not be measured', async () => {
    const slower = await chooseAutomatically(gpu, makeMeasure(150, 200).measure)
    expect(slower).toMatchObject({ device: 'cpu', reason: expect.stringContaining('150 GFLOP/s against 200') })
    const hung = await chooseAutomatically(gpu, makeMeasure('it crashed (SIGSEGV)', 200).measure)
    expect(hung).toMatchObject({ device: 'cpu', reason: expect.stringContaining('it crashed (SIGSEGV)') })
  })

  test('chooses the CPU without measuring if the GPU is software, unknown or unusable', async () => {
    const { measured, measure } = makeMeasure(5000, 200)
    const cases: [Partial<DeviceDescription>, string][] = [
      [{ software: true }, 'software renderer'],
      [{ software: undefined, reason: 'its properties are unknown' }, 'its properties are unknown'],
      [{ usable: false, reason: 'no driver is installed' }, 'no driver is installed'],
    ]
    for (const [facts, reason] of cases)
      expect(await chooseAutomatically({ ...gpu, ...facts }, measure)).toMatchObject({
        device: 'cpu',
        reason: expect.stringContaining(reason),
      })
    expect(measured).toEqual([])
  })

  test.skipIf(process.platform !== 'linux')('starts no process if Linux has no GPU', async () => {
    const machine = { ...withPrograms({ gpuInfo: 'throw 1', measure: 'throw 1' }), root: makeFolder({}) }
    const started = performance.now()
    expect(await chooseDevice('auto', 'f32', machine)).toEqual({
      device: 'cpu',
      reason: 'Training uses the CPU because this machine has no GPU.',
    })
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test('with --precision f16 chooses a GPU that supports it, and fails if there is none', async () => {
    const limits = { storageBuffersPerStage: 10, bufferBytes: 2 ** 30, storageBindingBytes: 2 ** 30 }
    const names = { vendor: 'acme', architecture: 'gt', device: 'gt-1', description: 'v1', fallback: false }
    const machine = (f16: boolean) =>
      withPrograms({
        gpuInfo: answering({ package: 'present', gpu: { ...names, ...limits, f16 } }),
        measure: answering({ supported: ['cpu', 'webgpu'] }),
      })
    expect(await chooseDevice('auto', 'f16', machine(true))).toEqual({
      device: 'webgpu',
      reason: 'gt-1 supports f16, which the CPU does not.',
    })
    await expectError(
      chooseDevice('auto', 'f16', machine(false)),
      'precision_unsupported',
      'is not supported by the CPU and gt-1',
    )
  })
})

describe('a device that is requested by name', () => {
  test('is used if it is the CPU', async () => {
    expect(await chooseDevice('cpu', 'f32')).toEqual({ device: 'cpu', reason: 'The CPU was requested.' })
    await expectError(chooseDevice('cpu', 'f16'), 'precision_unsupported', 'shader-f16', '--precision f32')
  })

  test('trains on rounded weights only if it is the CPU, which auto chooses then', async () => {
    for (const requested of ['auto', 'cpu'] as const)
      expect((await chooseDevice(requested, 'int8-frozen')).device).toBe('cpu')
    for (const requested of ['webgpu', 'cuda'] as const)
      await expectError(chooseDevice(requested, 'int8-frozen'), 'precision_unsupported', requested, '--device cpu')
  })

  test('is never replaced: if it cannot be used, the error says why and how to fix it', async () => {
    const noDriver = withEnv({ VK_ICD_FILENAMES: '/nowhere/icd.json' })
    await expectError(chooseDevice('webgpu', 'f32', noDriver), 'device_unavailable', '--device webgpu', 'graft devices')
    const noTools = { ...withEnv({ PATH: '/nowhere' }), root: makeFolder({}) }
    await expectError(chooseDevice('cuda', 'f32', noTools), 'device_unavailable', '--device cuda', '--device cpu')
  })

  test.skipIf(!softwareVulkan)(
    onSoftwareVulkan('is used for f32 even if it is a software renderer, and rejected for f16'),
    async () => {
      const { device, reason } = await chooseDevice('webgpu', 'f32', withEnv({}))
      expect(device).toBe('webgpu')
      expect(reason).toMatch(/swiftshader.* was requested\.$/)
      await expectError(
        chooseDevice('webgpu', 'f16', withEnv({})),
        'precision_unsupported',
        'swiftshader',
        'shader-f16',
      )
    },
  )
})
