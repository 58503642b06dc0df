import { z } from 'zod'

const deviceKind = z.enum(['cpu', 'webgpu', 'cuda'])
export const device = z.strictObject({
  kind: deviceKind,
  usable: z.boolean(),
  name: z.string(),
  vendor: z.string().optional(),
  driver: z.string().optional(),
  software: z.boolean().optional().describe('a renderer that computes on the CPU in the guise of a GPU'),
  f16: z.boolean().optional().describe('trains with --precision f16'),
  limits: z
    .strictObject({ storage_buffers_per_stage: z.int(), buffer_bytes: z.int(), storage_binding_bytes: z.int() })
    .optional(),
  memory_bytes: z.int().optional(),
  cores: z.int().optional(),
  measured: z
    .strictObject({
      gemm_gflops: z.number().describe('products of f32 matrices, 10^9 operations a second'),
      bandwidth_gb_s: z.number().describe('bytes read and written by a sum of large arrays, 10^9 a second'),
    })
    .optional(),
  unmeasured: z.string().optional().describe('why there is no measurement, where it failed'),
  why: z.string().optional().describe('why it cannot be used, or why so little is known of it'),
  fix: z.string().optional(),
})
export type Device = z.infer<typeof device>

export const deviceReport = z.strictObject({
  devices: z.array(device),
  auto: z
    .strictObject({ device: deviceKind, why: z.string() })
    .optional()
    .describe('what --device auto takes in f32; absent where it was not measured and hangs on that'),
})
export type DeviceReport = z.infer<typeof deviceReport>
