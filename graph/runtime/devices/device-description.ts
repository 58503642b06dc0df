export const deviceKinds = ['cpu', 'webgpu', 'cuda'] as const
export type DeviceKind = (typeof deviceKinds)[number]

/** What is known of a device. A field that is absent is not known. */
export interface DeviceDescription {
  kind: DeviceKind
  usable: boolean
  name: string
  vendor?: string
  driver?: string
  /** It computes on the CPU, in the guise of a GPU. */
  software?: boolean
  f16?: boolean
  limits?: { storage_buffers_per_stage: number; buffer_bytes: number; storage_binding_bytes: number }
  memory_bytes?: number
  cores?: number
  /** Why it cannot be used or, where it can, why so little is known of it. */
  why?: string
  fix?: string
}
