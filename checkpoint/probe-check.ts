import { fail } from '../core/errors.ts'
import type { Probe } from './manifest.ts'

/** Of a logit, or of one where it is smaller. Machines differ by about 1e-5; the slightest damage that matters is far larger. */
const TOLERANCE = 1e-3

/**
 * Compares what the fixed inputs give now with what they gave when the adapter was saved.
 * @throws GraftError `base_mismatch` where the base itself answers otherwise, `checkpoint_corrupt` where the adapter does
 */
export function requireSameLogits(saved: Probe, now: Probe, subject: string): void {
  const ofBase = difference(saved.base_logits, now.base_logits)
  if (ofBase)
    fail('base_mismatch', {
      subject: `${subject}, ${ofBase.place} of the base alone`,
      expected: ofBase.saved,
      found: ofBase.now,
      fix: 'The weights of the base are those of the training, but its config.json is not: restore it.',
    })
  const ofAdapter = difference(saved.logits, now.logits)
  if (ofAdapter)
    fail('checkpoint_corrupt', {
      subject: `${subject}, ${ofAdapter.place}`,
      expected: ofAdapter.saved,
      found: ofAdapter.now,
      fix: 'Copy the checkpoint again: it does not compute what it did when it was saved. Its configuration may have been edited.',
    })
}

/**
 * Guards against an adapter that loads and does nothing. It is one where its logits are the base's to the last bit although, in some
 * place of the model, none of its tensors is zero throughout (or still the base's own). A fresh LoRA has B = 0 everywhere and so
 * claims nothing; a trained one does. Numbers up to 1e-5 count as zero: so small a change may rightly vanish in f32.
 * @throws GraftError `adapter_inert`
 */
export function requireEffect(
  { logits, base_logits: plain }: Probe,
  values: ReadonlyMap<string, Float32Array>,
  base: ReadonlyMap<string, Float32Array>,
  subject: string,
): void {
  if (logits.some((row, i) => row.some((logit, j) => logit !== plain[i][j]))) return
  const place = claim(values, base)
  if (place === undefined) return
  fail('adapter_inert', {
    subject,
    expected: `logits other than the base's, since it has weights for ${place}`,
    found: "the base's logits, to the last bit",
    fix: 'Check that it was made for this base and these modules; please report it if it was.',
  })
}

const NOTHING = 1e-5

/** A place none of whose tensors is nothing. */
function claim(values: ReadonlyMap<string, Float32Array>, base: ReadonlyMap<string, Float32Array>): string | undefined {
  const idle = new Set<string>()
  for (const [name, data] of values) if (isNothing(data, base.get(name))) idle.add(placeOf(name))
  return [...values.keys()].map(placeOf).find((place) => !idle.has(place))
}

function isNothing(data: Float32Array, own?: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (Math.abs(data[i] - (own ? own[i] : 0)) > NOTHING) return false
  return true
}

/** `….q.lora_A` and `….q.lora_B` stand in one place, as do the weight and the bias of a Linear. */
const placeOf = (name: string): string => (name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : name)

function difference(
  saved: Probe['logits'],
  now: Probe['logits'],
): { place: string; saved: string; now: string } | undefined {
  for (const [i, row] of saved.entries())
    for (const [j, logit] of row.entries()) {
      const other = now[i]?.[j] ?? Number.NaN
      if (Math.abs(other - logit) <= TOLERANCE * Math.max(1, Math.abs(logit))) continue
      return { place: `probe ${i}, logit ${j}`, saved: String(logit), now: String(other) }
    }
  return undefined
}
