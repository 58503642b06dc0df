import { fail } from '../core/errors.ts'
import type { Probe } from './manifest.ts'

/**
 * Relative to a logit, or absolute if the logit is below 1. Machines differ by about 1e-5; damage that matters changes
 * far more.
 */
const TOLERANCE = 1e-3

/**
 * Compares the logits of the fixed inputs with those from when the adapter was saved.
 * @throws GraftError `base_mismatch` if the logits of the base differ, `checkpoint_corrupt` if those of the adapter do
 */
export function requireSameLogits(saved: Probe, now: Probe, subject: string): void {
  const ofBase = findDifference(saved.base_logits, now.base_logits)
  if (ofBase)
    fail('base_mismatch', {
      subject: `${subject}, ${ofBase.position} of the base without the adapter`,
      expected: ofBase.saved,
      found: ofBase.now,
      fix: 'The base has the right weights, but its config.json has changed since the training. Restore that file.',
    })
  const ofAdapter = findDifference(saved.logits, now.logits)
  if (ofAdapter)
    fail('checkpoint_corrupt', {
      subject: `${subject}, ${ofAdapter.position}`,
      expected: ofAdapter.saved,
      found: ofAdapter.now,
      fix: 'The adapter no longer computes what it did when it was saved. Its configuration may have been edited. Copy the folder again.',
    })
}

/** Returns whether an adapter computes the same as when it was saved, when it changed the logits of the base. */
export const showsTheSameEffect = (saved: Probe, logits: Probe['logits']): boolean =>
  !findDifference(saved.logits, logits) && findDifference(saved.base_logits, saved.logits) !== undefined

/**
 * Rejects an adapter that loads but has no effect: its logits are exactly the base's, although in some module none of
 * its tensors is all zeros (or equal to the base's). A fresh LoRA has B = 0 in every module, so it passes; a trained
 * one must have an effect. Values up to 1e-5 count as zero, because f32 may round away such a small change.
 * @throws GraftError `adapter_inert`
 */
export function requireEffect(
  { logits, base_logits: baseLogits }: Probe,
  values: ReadonlyMap<string, Float32Array>,
  base: ReadonlyMap<string, Float32Array>,
  subject: string,
): void {
  if (logits.some((row, i) => row.some((logit, j) => logit !== baseLogits[i][j]))) return
  const module = findActiveModule(values, base)
  if (module === undefined) return
  fail('adapter_inert', {
    subject,
    problem: `has weights for ${module}, but its logits are exactly those of the base`,
    fix: 'Check that it was made for this base and these modules. If it was, please report this.',
  })
}

const ZERO_TOLERANCE = 1e-5

/** Returns a module all of whose tensors have changed. */
function findActiveModule(
  values: ReadonlyMap<string, Float32Array>,
  base: ReadonlyMap<string, Float32Array>,
): string | undefined {
  const inactive = new Set<string>()
  for (const [name, data] of values) if (isUnchanged(data, base.get(name))) inactive.add(moduleOf(name))
  return [...values.keys()].map(moduleOf).find((module) => !inactive.has(module))
}

function isUnchanged(data: Float32Array, base?: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (Math.abs(data[i] - (base ? base[i] : 0)) > ZERO_TOLERANCE) return false
  return true
}

/**
 * Returns the module of a tensor. `….q.lora_A` and `….q.lora_B` share one, as do the weight and the bias of a Linear.
 */
const moduleOf = (name: string): string => (name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : name)

function findDifference(
  saved: Probe['logits'],
  now: Probe['logits'],
): { position: string; saved: string; now: string } | undefined {
  for (const [i, row] of saved.entries())
    for (const [j, logit] of row.entries()) {
      const other = now[i]?.[j] ?? Number.NaN
      if (Math.abs(other - logit) <= TOLERANCE * Math.max(1, Math.abs(logit))) continue
      return { position: `probe ${i}, logit ${j}`, saved: String(logit), now: String(other) }
    }
  return undefined
}
