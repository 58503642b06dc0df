import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import type { TrainingEvent } from '../events.ts'
import type { TrainingSpec } from '../spec.ts'

/** A specification whose device is settled. */
export type Settled = TrainingSpec & { device: DeviceKind }

/**
 * The specification with the device that it will train on, and why that one.
 * @throws GraftError `device_unavailable` or `precision_unsupported`
 */
export async function onDevice(spec: TrainingSpec, listen: (event: TrainingEvent) => void): Promise<Settled> {
  const { device, why } = await chooseDevice(spec.device, spec.precision)
  if (spec.device === 'auto' || device !== 'cpu') listen({ type: 'stage', message: why.replace(/\.$/, '') })
  return { ...spec, device }
}
