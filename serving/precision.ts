import { fail } from '../core/errors.ts'
import type { DeviceKind } from '../graph/runtime/devices/device-description.ts'
import type { ServingPrecision } from '../model/quantized-weights.ts'

/** @throws GraftError `precision_unsupported` for int8 on a device other than the CPU */
export function requireDeviceFor(precision: ServingPrecision, device: DeviceKind): void {
  if (precision === 'int8' && device !== 'cpu')
    fail('precision_unsupported', {
      subject: '--precision int8',
      problem: `is not supported by the device ${device}: ONNX Runtime multiplies 8-bit integers only on the CPU`,
      fix: 'Use --device cpu, or --precision f32.',
    })
}
