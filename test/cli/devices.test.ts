import { describe, expect, test } from 'vitest'
import { devices } from '../../cli/commands/devices.ts'
import { deviceReport } from '../../platform/schemas/devices.ts'
import { onSoftwareVulkan, softwareVulkan, swiftShader } from '../software-vulkan.ts'
import { graft, inProcess } from './run.ts'

describe('graft devices', () => {
  test('--json prints one document that lists every kind of device, and why one cannot be used', async () => {
    const { code, stdout, stderr } = await graft('devices', '--no-measure', '--json')
    expect(code, stderr).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const report = deviceReport.parse(JSON.parse(stdout))
    expect(report.devices.map(({ kind }) => kind)).toEqual(['cpu', 'webgpu', 'cuda'])
    const [cpu, ...others] = report.devices
    expect(cpu).toMatchObject({ usable: true, software: false })
    expect(cpu.memory_bytes).toBeGreaterThan(1e8)
    for (const { usable, why, fix } of others.filter((device) => !device.usable)) {
      expect(usable).toBe(false)
      expect(why).toMatch(/\S/)
      expect(fix).toMatch(/^\S.*[.)]$/)
    }
  })

  test('measures the CPU, and tells a person what auto takes', async () => {
    const printed = await inProcess(devices)
    expect(printed).toMatch(
      /^device +state +name +memory +f16 +GFLOP\/s +GB\/s\ncpu +usable +\S.* cores +[\d.]+ GB +no +[\d.,]+ +[\d.,]+\n/,
    )
    expect(printed).toMatch(/\n--device auto takes (cpu|webgpu)\. \S.*\.\n$/)
  })

  test.skipIf(!softwareVulkan || process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES !== swiftShader)(
    onSoftwareVulkan('names a software renderer as such, measures it, and does not take it by itself'),
    async () => {
      const { devices: all, auto } = deviceReport.parse(JSON.parse(await inProcess(devices, '--json')))
      const gpu = all.find(({ kind }) => kind === 'webgpu')
      expect(gpu).toMatchObject({
        usable: true,
        software: true,
        f16: false,
        name: expect.stringContaining('swiftshader'),
      })
      expect(gpu?.limits?.storage_buffers_per_stage).toBeGreaterThanOrEqual(8)
      expect(gpu?.measured?.gemm_gflops).toBeGreaterThan(0)
      expect(gpu?.measured?.bandwidth_gb_s).toBeGreaterThan(0)
      expect(auto).toMatchObject({ device: 'cpu', why: expect.stringContaining('software renderer') })
    },
  )
})
