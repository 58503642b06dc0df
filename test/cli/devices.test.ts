import { describe, expect, test, vi } from 'vitest'
import { devices } from '../../cli/commands/devices.ts'
import { deviceReport } from '../../platform/schemas/devices.ts'
import { onSoftwareVulkan, softwareVulkan, swiftShader } from '../software-vulkan.ts'
import { graft, runInProcess } from './run.ts'

describe('graft devices', () => {
  test('--json prints one document with every kind of device, and the reason if one cannot be used', async () => {
    const { code, stdout, stderr } = await graft('devices', '--no-measure', '--json')
    expect(code, stderr).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const report = deviceReport.parse(JSON.parse(stdout))
    expect(report.devices.map(({ kind }) => kind)).toEqual(['cpu', 'webgpu', 'cuda'])
    const [cpu, ...others] = report.devices
    expect(cpu).toMatchObject({ usable: true, software: false })
    expect(cpu.memory_bytes).toBeGreaterThan(1e8)
    for (const { usable, reason, fix } of others.filter((device) => !device.usable)) {
      expect(usable).toBe(false)
      expect(reason).toMatch(/\S/)
      expect(fix).toMatch(/^\S.*[.)]$/)
    }
  })

  test('measures the CPU and says which device auto selects', async () => {
    // Software Vulkan takes seconds to measure, and the next test does that.
    if (softwareVulkan) vi.stubEnv('VK_ICD_FILENAMES', '')
    const printed = await runInProcess(devices)
    expect(printed).toMatch(
      /^device +state +name +memory +f16 +GFLOP\/s +GB\/s\ncpu +usable +\S.* cores +[\d.]+ GB +no +[\d.,]+ +[\d.,]+\n/,
    )
    expect(printed).toMatch(/\n--device auto selects (cpu|webgpu)\. \S.*\.\n$/)
  })

  test.skipIf(!softwareVulkan || process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES !== swiftShader)(
    onSoftwareVulkan('marks a software renderer, measures it, and does not select it automatically'),
    async () => {
      const { devices: all, auto } = deviceReport.parse(JSON.parse(await runInProcess(devices, '--json')))
      const gpu = all.find(({ kind }) => kind === 'webgpu')
      expect(gpu).toMatchObject({
        usable: true,
        software: true,
        f16: false,
        name: expect.stringContaining('swiftshader'),
      })
      expect(gpu?.limits?.storage_buffers_per_stage).toBeGreaterThanOrEqual(8)
      expect(gpu?.measurement?.gemm_gflops).toBeGreaterThan(0)
      expect(gpu?.measurement?.bandwidth_gb_s).toBeGreaterThan(0)
      expect(auto).toMatchObject({ device: 'cpu', reason: expect.stringContaining('software renderer') })
    },
  )
})
