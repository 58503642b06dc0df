import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import type { ServingPrecision } from '../../model/quantized-weights.ts'
import { requireDeviceFor } from '../../serving/precision.ts'
import type { Drift, PrecisionRequest } from '../schemas/precisions.ts'
import { isSmall } from './drift.ts'

/** The precision of predictions, and the reason in one sentence. */
export interface PrecisionChoice {
  readonly precision: ServingPrecision
  readonly reason: string
  /** Set if it was measured. */
  readonly drift?: Drift
}

/**
 * Chooses the precision of a base. `int8` is never replaced by another; `auto` chooses it on the CPU if its drift is
 * small.
 * @param measure returns the drift of the base. Not called for `f32`, or for `auto` on another device
 * @throws GraftError `precision_unsupported` for int8 on a device other than the CPU
 */
export async function choosePrecision(
  requested: PrecisionRequest,
  device: DeviceKind,
  measure: () => Promise<Drift>,
): Promise<PrecisionChoice> {
  if (requested === 'f32') return { precision: 'f32', reason: 'f32 was requested.' }
  if (requested === 'int8') requireDeviceFor('int8', device)
  else if (device !== 'cpu') return { precision: 'f32', reason: `int8 needs the CPU, not ${device}.` }
  const drift = await measure()
  if (requested === 'int8') return { precision: 'int8', reason: `int8 was requested: ${describeDrift(drift)}.`, drift }
  return isSmall(drift)
    ? { precision: 'int8', reason: `int8 changes little: ${describeDrift(drift)}.`, drift }
    : { precision: 'f32', reason: `int8 changes too much: ${describeDrift(drift)}.`, drift }
}

/** Says what int8 changes, for people. */
export const describeDrift = ({ texts, largest_change, flipped }: Drift): string =>
  `${flipped} of ${texts} labels, and probabilities by up to ${largest_change.toFixed(3)}`
