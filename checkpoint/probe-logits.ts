import { fail } from '../core/errors.ts'
import { makeRandom } from '../core/random.ts'
import { lower } from '../graph/onnx/lower.ts'
import { openSession } from '../graph/runtime/session.ts'
import type { Model } from '../model/architecture.ts'
import { modelOf } from '../model/architectures.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { classifierProgram } from '../model/programs.ts'
import type { ParameterValues } from './adapter-tensors.ts'
import type { Base } from './base.ts'
import { FIX_MANIFEST, MAX_PROBE_IDS, type Probe } from './manifest.ts'
import { requireEffect, requireSameLogits, showsTheSameEffect } from './probe-check.ts'

/** The inputs of a probe, and the token ids whose logits it stores. */
export type ProbeSettings = Pick<Probe, 'inputs' | 'ids'>

/** The lengths differ, so that padding and its mask are covered. */
const INPUT_LENGTHS = [5, 12, 8]
const DEFAULT_ID_COUNT = 8

/**
 * Returns three rows of token ids, framed like texts. They are the same for every base with the same vocabulary.
 * @param ids the token ids whose logits to store, such as those of the label words, of which the first 64 are used.
 * Defaults to the first eight of the vocabulary
 */
export function makeProbeSettings({ vocabSize, classIdCount, frame }: Model, ids?: readonly number[]): ProbeSettings {
  const stream = makeRandom(0, 'probe inputs')
  const makeRow = (length: number) => {
    const body = length - frame.before.length - frame.after.length
    return [...frame.before, ...Array.from({ length: body }, () => stream.integer(vocabSize)), ...frame.after]
  }
  return {
    inputs: INPUT_LENGTHS.map(makeRow),
    ids: ids
      ? ids.slice(0, MAX_PROBE_IDS)
      : Array.from({ length: Math.min(DEFAULT_ID_COUNT, classIdCount) }, (_, i) => i),
  }
}

/**
 * Computes the class logits of some token ids, with an adapter and without it.
 * @throws GraftError `checkpoint_corrupt` if a logit is not finite, `adapter_inert` if the adapter has no effect
 */
export async function probeAdapter(
  base: Base,
  method: MethodConfig,
  values: ParameterValues,
  settings: ProbeSettings,
  subject: string,
): Promise<Probe> {
  const logits = await computeFiniteLogits(base, method, values, settings, subject)
  const probe = { ...settings, logits, base_logits: await cachedBaseLogits(base, settings) }
  requireEffect(probe, values, base.tensors, subject)
  return probe
}

/**
 * Checks that an adapter computes on this base what it computed when it was saved.
 * @throws GraftError `checkpoint_corrupt`, `base_mismatch`, `adapter_inert`
 */
export async function requireSavedLogits(
  base: Base,
  { method, values }: { method: MethodConfig; values: ParameterValues },
  saved: Probe,
  subject: string,
): Promise<void> {
  const logits = await computeFiniteLogits(base, method, values, saved, subject)
  // Running the base as well would take as long again. It is only needed to find out what is wrong.
  if (showsTheSameEffect(saved, logits)) return
  const now = { ...saved, logits, base_logits: await cachedBaseLogits(base, saved) }
  requireEffect(now, values, base.tensors, subject)
  requireSameLogits(saved, now, subject)
}

async function computeFiniteLogits(
  base: Base,
  method: MethodConfig,
  values: ParameterValues,
  settings: ProbeSettings,
  subject: string,
): Promise<number[][]> {
  requireKnownTokens(settings, modelOf(base), subject)
  const logits = await computeLogits(modelOf(base), method, new Map([...base.tensors, ...values]), settings)
  const nonFinite = logits.flat().find((logit) => !Number.isFinite(logit))
  if (nonFinite !== undefined)
    fail('checkpoint_corrupt', {
      subject,
      problem: `produces the logit ${nonFinite}`,
      fix: 'The weights of this checkpoint are too large. Use an earlier one.',
    })
  return logits
}

/** Rejects an edited manifest. A manifest of another base has already been rejected. */
function requireKnownTokens({ inputs, ids }: ProbeSettings, { vocabSize }: Model, subject: string): void {
  const unknown = [...inputs.flat(), ...ids].find((token) => token >= vocabSize)
  if (unknown === undefined) return
  fail('checkpoint_corrupt', {
    subject: `${subject}, probe in graft.json`,
    expected: `token ids below ${vocabSize}`,
    found: String(unknown),
    fix: FIX_MANIFEST,
  })
}

/** The logits of a base, which are the same for nearly every adapter on it. */
const baseLogitsCache = new WeakMap<Base, Map<string, Promise<number[][]>>>()
const MAX_CACHED_PROBES = 64

function cachedBaseLogits(base: Base, settings: ProbeSettings): Promise<number[][]> {
  const cache = baseLogitsCache.get(base) ?? new Map<string, Promise<number[][]>>()
  baseLogitsCache.set(base, cache)
  if (cache.size > MAX_CACHED_PROBES) cache.clear()
  const key = JSON.stringify([settings.inputs, settings.ids])
  // A fully fine-tuned model with the base's own weights is the base.
  const logits = cache.get(key) ?? computeLogits(modelOf(base), { method: 'full' }, base.tensors, settings)
  cache.set(key, logits)
  logits.catch(() => cache.delete(key))
  return logits
}

async function computeLogits(
  model: Model,
  method: MethodConfig,
  tensors: ParameterValues,
  { inputs, ids }: ProbeSettings,
): Promise<number[][]> {
  const [batch, source] = [inputs.length, Math.max(...inputs.map((row) => row.length))]
  const pad = (row: readonly number[]) => [...row, ...Array<number>(source - row.length).fill(model.padTokenId)]
  // With one thread, sums are computed in one order. The run is too short to benefit from more.
  const session = await openSession(lower(classifierProgram(model, method, ids.length), 'cpu'), { threads: 1 })
  try {
    const feeds = {
      ...Object.fromEntries(tensors),
      input_ids: Int32Array.from(inputs.flatMap(pad)),
      attention_mask: Float32Array.from(inputs.flatMap((row) => pad(row).map((_, i) => Number(i < row.length)))),
      ...model.rowInputs(batch),
      ...model.classInputs(ids),
    }
    const scores = (await session.run(feeds, { batch, source })).scores as Float32Array
    return inputs.map((_, i) => [...scores.subarray(i * ids.length, (i + 1) * ids.length)])
  } finally {
    await session.close()
  }
}
