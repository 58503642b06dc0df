export const deviceKinds = ['cpu', 'webgpu', 'cuda'] as const
/** A kind of device that programs run on. */
export type DeviceKind = (typeof deviceKinds)[number]

/** The precisions of training. `int8-frozen` rounds frozen weights, and what is multiplied with them, to 8 bits. */
export const precisions = ['f32', 'f16', 'int8-frozen'] as const
export type Precision = (typeof precisions)[number]

/** A device of this machine. Fields that are not set are unknown. */
export interface DeviceDescription {
  kind: DeviceKind
  usable: boolean
  name: string
  vendor?: string
  driver?: string
  /** True for a software renderer: a GPU that is emulated on the CPU. */
  software?: boolean
  f16?: boolean
  limits?: { storage_buffers_per_stage: number; buffer_bytes: number; storage_binding_bytes: number }
  memory_bytes?: number
  cores?: number
  /** The reason that it cannot be used or, if it can be used, that its properties are unknown. */
  reason?: string
  /** Instructions for the user that remove the reason. */
  fix?: string
}
