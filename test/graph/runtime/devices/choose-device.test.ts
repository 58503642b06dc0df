import { describe, expect, test } from 'vitest'
import { autoChoice, chooseDevice } from '../../../../graph/runtime/devices/choose-device.ts'
import type { DeviceDescription } from '../../../../graph/runtime/devices/device-description.ts'
import type { Measured } from '../../../../graph/runtime/devices/measure-child.ts'
import { expectError } from '../../../checkpoint/helpers.ts'
import { onSoftwareVulkan, softwareVulkan } from '../../../software-vulkan.ts'
import { holding, saying, withEnv, withPrograms } from './surroundings.ts'

const gpu: DeviceDescription = { kind: 'webgpu', usable: true, name: 'acme gt-1', software: false, f16: true }

/** Speeds, and which of them were asked for. */
function speeds(webgpu: number | string, cpu: number | string) {
  const asked: string[] = []
  const of = (speed: number | string): Measured | string =>
    typeof speed === 'string' ? speed : { gflops: speed, gigabytesPerSecond: 1 }
  const measure = async (device: 'cpu' | 'webgpu') => {
    asked.push(device)
    return of(device === 'cpu' ? cpu : webgpu)
  }
  return { asked, measure }
}

describe('--device auto', () => {
  test('takes the GPU where it was measured faster, and says the figures', async () => {
    const { asked, measure } = speeds(5000.4, 200)
    expect(await autoChoice(gpu, measure)).toEqual({
      device: 'webgpu',
      why: 'acme gt-1 multiplies matrices faster than the CPU: 5000 GFLOP/s against 200.',
    })
    expect(asked).toEqual(['webgpu', 'cpu'])
  })

  test('takes the CPU where the GPU is slower, or could not be measured', async () => {
    const slower = await autoChoice(gpu, speeds(150, 200).measure)
    expect(slower).toMatchObject({ device: 'cpu', why: expect.stringContaining('150 GFLOP/s against 200') })
    const hung = await autoChoice(gpu, speeds('it crashed (SIGSEGV)', 200).measure)
    expect(hung).toMatchObject({ device: 'cpu', why: expect.stringContaining('it crashed (SIGSEGV)') })
  })

  test('takes the CPU without measuring where the GPU is software, unknown or unusable', async () => {
    const { asked, measure } = speeds(5000, 200)
    const cases: [Partial<DeviceDescription>, string][] = [
      [{ software: true }, 'software renderer'],
      [{ software: undefined, why: 'nothing is known of it' }, 'nothing is known of it'],
      [{ usable: false, why: 'no driver is installed' }, 'no driver is installed'],
    ]
    for (const [facts, why] of cases)
      expect(await autoChoice({ ...gpu, ...facts }, measure)).toMatchObject({
        device: 'cpu',
        why: expect.stringContaining(why),
      })
    expect(asked).toEqual([])
  })

  test.skipIf(process.platform !== 'linux')('starts no process where Linux shows no GPU', async () => {
    const machine = { ...withPrograms({ adapter: 'throw 1', measure: 'throw 1' }), root: holding({}) }
    const started = performance.now()
    expect(await chooseDevice('auto', 'f32', machine)).toEqual({
      device: 'cpu',
      why: 'The CPU trains: this machine shows no GPU.',
    })
    expect(performance.now() - started).toBeLessThan(50)
  })

  test('with --precision f16 takes a GPU that has it, and is refused where none has', async () => {
    const limits = { storageBuffersPerStage: 10, bufferBytes: 2 ** 30, storageBindingBytes: 2 ** 30 }
    const names = { vendor: 'acme', architecture: 'gt', device: 'gt-1', description: 'v1', fallback: false }
    const machine = (f16: boolean) =>
      withPrograms({
        adapter: saying({ package: 'present', adapter: { ...names, ...limits, f16 } }),
        measure: saying({ supported: ['cpu', 'webgpu'] }),
      })
    expect(await chooseDevice('auto', 'f16', machine(true))).toEqual({
      device: 'webgpu',
      why: 'gt-1 computes in f16, which the CPU does not.',
    })
    await expectError(
      chooseDevice('auto', 'f16', machine(false)),
      'precision_unsupported',
      'the CPU and gt-1 without it',
    )
  })
})

describe('a device that is asked for by name', () => {
  test('is taken, the CPU', async () => {
    expect(await chooseDevice('cpu', 'f32')).toEqual({ device: 'cpu', why: 'The CPU was asked for.' })
    await expectError(chooseDevice('cpu', 'f16'), 'precision_unsupported', 'shader-f16', '--precision f32')
  })

  test('is never replaced: where it cannot be used, the error says why and how to fix it', async () => {
    const noDriver = withEnv({ VK_ICD_FILENAMES: '/nowhere/icd.json' })
    await expectError(chooseDevice('webgpu', 'f32', noDriver), 'device_unavailable', '--device webgpu', 'graft devices')
    const noTools = { ...withEnv({ PATH: '/nowhere' }), root: holding({}) }
    await expectError(chooseDevice('cuda', 'f32', noTools), 'device_unavailable', '--device cuda', '--device cpu')
  })

  test.skipIf(!softwareVulkan)(
    onSoftwareVulkan('is taken though it is software, in f32, and refused in f16'),
    async () => {
      const { device, why } = await chooseDevice('webgpu', 'f32', withEnv({}))
      expect(device).toBe('webgpu')
      expect(why).toMatch(/swiftshader.* was asked for\.$/)
      await expectError(
        chooseDevice('webgpu', 'f16', withEnv({})),
        'precision_unsupported',
        'swiftshader',
        'shader-f16',
      )
    },
  )
})
