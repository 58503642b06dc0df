import { fail } from '../core/errors.ts'
import { random } from '../core/random.ts'
import { lower } from '../graph/onnx/lower.ts'
import { openSession } from '../graph/runtime/session.ts'
import type { MethodConfig } from '../model/methods/registry.ts'
import { classifierProgram } from '../model/programs.ts'
import type { T5Config } from '../model/t5/config.ts'
import type { Values } from './adapter-tensors.ts'
import type { Base } from './base.ts'
import type { Probe } from './manifest.ts'
import { requireEffect } from './probe-check.ts'

/** What is fed, and of which token ids the logits are kept. */
export type ProbeSettings = Pick<Probe, 'inputs' | 'ids'>

/** Of different lengths, so that padding and its mask take part. */
const LENGTHS = [5, 12, 8]
const IDS = 8

/**
 * Three rows of token ids that end with the end of sequence, the same for every base of one vocabulary.
 * @param ids those of the label words, say; the first eight of the vocabulary unless given
 */
export function probeSettings({ vocabSize, eosTokenId }: T5Config, ids?: readonly number[]): ProbeSettings {
  const stream = random(0, 'probe inputs')
  const row = (length: number) => [...Array.from({ length: length - 1 }, () => stream.integer(vocabSize)), eosTokenId]
  return {
    inputs: LENGTHS.map(row),
    ids: ids ? [...ids] : Array.from({ length: Math.min(IDS, vocabSize) }, (_, i) => i),
  }
}

/**
 * The logits of some token ids at the first decoder step, with an adapter and without it.
 * @throws GraftError `checkpoint_corrupt` for logits that are not finite, `adapter_inert` for an adapter that does nothing
 */
export async function probeAdapter(
  base: Base,
  method: MethodConfig,
  values: Values,
  settings: ProbeSettings,
  subject: string,
): Promise<Probe> {
  requireTokens(settings, base.t5, subject)
  const logits = await probeLogits(base.t5, method, new Map([...base.tensors, ...values]), settings)
  const wrong = logits.flat().find((logit) => !Number.isFinite(logit))
  if (wrong !== undefined)
    fail('checkpoint_corrupt', {
      subject,
      expected: 'finite logits',
      found: String(wrong),
      fix: 'Use an earlier checkpoint: the weights of this one are too large.',
    })
  const probe = { ...settings, logits, base_logits: await baseLogits(base, settings) }
  requireEffect(probe, values, base.tensors, subject)
  return probe
}

/** Of a manifest that was edited, since that of another base was refused before. */
function requireTokens({ inputs, ids }: ProbeSettings, { vocabSize }: T5Config, subject: string): void {
  const wrong = [...inputs.flat(), ...ids].find((token) => token >= vocabSize)
  if (wrong === undefined) return
  fail('checkpoint_corrupt', {
    subject: `${subject}, the probe of its graft.json`,
    expected: `token ids below ${vocabSize}`,
    found: String(wrong),
    fix: 'Restore graft.json from where it came, or remove it: the weights load without it, unchecked.',
  })
}

/** A base is asked the same for nearly every adapter on it. */
const known = new WeakMap<Base, Map<string, Promise<number[][]>>>()
const MOST_KNOWN = 64

function baseLogits(base: Base, settings: ProbeSettings): Promise<number[][]> {
  const answers = known.get(base) ?? new Map<string, Promise<number[][]>>()
  known.set(base, answers)
  if (answers.size > MOST_KNOWN) answers.clear()
  const key = JSON.stringify([settings.inputs, settings.ids])
  // Full tuning with the base's own weights is the base.
  const answer = answers.get(key) ?? probeLogits(base.t5, { method: 'full' }, base.tensors, settings)
  answers.set(key, answer)
  answer.catch(() => answers.delete(key))
  return answer
}

async function probeLogits(
  t5: T5Config,
  method: MethodConfig,
  tensors: Values,
  { inputs, ids }: ProbeSettings,
): Promise<number[][]> {
  const [batch, source] = [inputs.length, Math.max(...inputs.map((row) => row.length))]
  const padded = (row: readonly number[]) => [...row, ...Array<number>(source - row.length).fill(t5.padTokenId)]
  // One thread: the sums are then made in one order, and the run is too short to gain from more.
  const session = await openSession(lower(classifierProgram(t5, method, ids.length), 'cpu'), { threads: 1 })
  try {
    const feeds = {
      ...Object.fromEntries(tensors),
      input_ids: Int32Array.from(inputs.flatMap(padded)),
      attention_mask: Float32Array.from(inputs.flatMap((row) => padded(row).map((_, i) => Number(i < row.length)))),
      decoder_input_ids: new Int32Array(batch).fill(t5.decoderStartTokenId),
      words: Int32Array.from(ids),
    }
    const scores = (await session.run(feeds, { batch, source })).scores as Float32Array
    return inputs.map((_, i) => [...scores.subarray(i * ids.length, (i + 1) * ids.length)])
  } finally {
    await session.close()
  }
}
