import { z } from 'zod'
import { deviceKinds } from '../../graph/runtime/devices/device-description.ts'

export const deviceKind = z.enum(deviceKinds)
export const device = z.strictObject({
  kind: deviceKind,
  usable: z.boolean(),
  name: z.string(),
  vendor: z.string().optional(),
  driver: z.string().optional(),
  software: z
    .boolean()
    .optional()
    .describe('Whether the device is a software renderer: a GPU that is emulated on the CPU.'),
  f16: z.boolean().optional().describe('Whether the device can train with --precision f16.'),
  limits: z
    .strictObject({ storage_buffers_per_stage: z.int(), buffer_bytes: z.int(), storage_binding_bytes: z.int() })
    .optional(),
  memory_bytes: z.int().optional(),
  cores: z.int().optional(),
  measurement: z
    .strictObject({
      gemm_gflops: z.number().describe('Speed of f32 matrix products, in 10^9 operations per second.'),
      bandwidth_gb_s: z.number().describe('Memory bandwidth of a sum of large arrays, in 10^9 bytes per second.'),
    })
    .optional(),
  measurement_error: z.string().optional().describe('The reason that the speed could not be measured.'),
  reason: z
    .string()
    .optional()
    .describe('The reason that the device cannot be used, or that its properties are unknown.'),
  fix: z.string().optional().describe('How to fix the problem.'),
})
export type Device = z.infer<typeof device>

export const deviceReport = z.strictObject({
  devices: z.array(device),
  auto: z
    .strictObject({ device: deviceKind, reason: z.string() })
    .optional()
    .describe('The device that --device auto selects for f32. Not set if it depends on speeds that were not measured.'),
})
export type DeviceReport = z.infer<typeof deviceReport>
