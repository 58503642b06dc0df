import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import type { TrainingListener } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'

/** A specification with a concrete device. */
export type ResolvedSpec = TrainingSpec & { device: DeviceKind }

/**
 * Returns the specification with the device that it will train on. Reports why that device was chosen.
 * @throws GraftError `device_unavailable` or `precision_unsupported`
 */
export async function resolveDevice(spec: TrainingSpec, onEvent: TrainingListener): Promise<ResolvedSpec> {
  const { device, reason } = await chooseDevice(spec.device, spec.precision)
  if (spec.device === 'auto' || device !== 'cpu') onEvent({ type: 'stage', message: reason.replace(/\.$/, '') })
  return { ...spec, device }
}
