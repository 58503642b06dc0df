import { sizeOf } from '../../graph/dim.ts'
import { lower, signatureOf } from '../../graph/onnx/lower.ts'
import { gather } from '../../graph/ops/gather.ts'
import { input } from '../../graph/ops/leaf.ts'
import { transpose } from '../../graph/ops/shape.ts'
import { buildProgram } from '../../graph/program.ts'
import { type Data, openSession, type Session, type Values } from '../../graph/runtime/session.ts'
import type { Type } from '../../graph/types.ts'
import { padBatch } from '../../model/batch.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { applyMethod } from '../../model/programs.ts'
import { stepSizes } from '../../model/step-programs.ts'
import type { ParameterValues } from '../adapter-tensors.ts'
import type { ProbeSettings } from '../probe-logits.ts'
import type { StepGraphs } from './graphs.ts'
import type { Steps } from './steps.ts'

/** The decoder's steps that are compared: one without a cache, and two with one. */
const STEPS = 3

/** Logits of the probe's ids, by step and input. */
export type StepLogits = readonly number[][][]

/** Returns the tokens that the decoder reads after its start token. */
const targetsOf = ({ ids }: ProbeSettings): number[] => Array.from({ length: STEPS }, (_, i) => ids[i % ids.length])

const batchOf = ({ inputs }: ProbeSettings, pad: number) =>
  padBatch(
    inputs.map((row) => Int32Array.from(row)),
    pad,
  )

/** Computes the logits of the decoder's first steps with Graft's own program, which has no cache. */
export async function expectedLogits(
  { model, generation }: Steps,
  method: MethodConfig,
  values: ParameterValues,
  settings: ProbeSettings,
): Promise<StepLogits> {
  const { inputs, ids } = settings
  const all = transpose(generation.logits(applyMethod(model, method).context, STEPS), [2, 0, 1]) // [V, B, T]
  const logits = transpose(gather(all, input('probe_ids', 'i32', [ids.length])), [2, 1, 0]) // [T, B, ids]
  const { inputIds, attentionMask, batch, source } = batchOf(settings, model.padTokenId)
  const session = await openSession(lower(buildProgram('expected logits', { logits }), 'cpu'), { threads: 1 })
  try {
    const found = await session.run(
      {
        ...Object.fromEntries(values),
        input_ids: inputIds,
        attention_mask: attentionMask,
        ...generation.inputs(inputs.map(() => targetsOf(settings))),
        probe_ids: Int32Array.from(ids),
      },
      { batch, source },
    )
    const row = (index: number) => Array.from(found.logits, Number).slice(index * ids.length, (index + 1) * ids.length)
    return Array.from({ length: STEPS }, (_, step) => inputs.map((_, i) => row(step * batch + i)))
  } finally {
    await session.close()
  }
}

/**
 * Runs written files as transformers.js does: the encoder once, and then the decoder step by step with a cache.
 * @param pathOf returns the path of a graph's file
 * @returns the logits of the merged decoder, and of the two separate ones
 */
export async function logitsOfFiles(
  { model, parts }: Steps,
  graphs: StepGraphs,
  pathOf: (name: string) => string,
  settings: ProbeSettings,
): Promise<StepLogits[]> {
  const sessions: Session[] = []
  const open = async (name: keyof StepGraphs) => {
    const executable = { name, target: 'portable', model: pathOf(name), ...signatureOf(graphs[name]) } as const
    const session = await openSession(executable, { threads: 1 })
    sessions.push(session)
    return session
  }
  const { inputIds, attentionMask, batch, source } = batchOf(settings, model.padTokenId)
  const mask = toInt64(attentionMask)
  const tokens = [parts.startTokenId, ...targetsOf(settings)]
  const pick = (logits: Data) =>
    settings.inputs.map((_, i) => settings.ids.map((id) => Number(logits[i * model.vocabSize + id])))
  try {
    const encoder = await open('encoder_model')
    const sizes = stepSizes({ batch, source })
    const { last_hidden_state: states } = await encoder.run(
      { input_ids: toInt64(inputIds), attention_mask: mask },
      sizes,
    )
    const decode = async (run: (step: number, feeds: Values) => Promise<Values>): Promise<StepLogits> => {
      const found: number[][][] = []
      let past = emptyCache(graphs.decoder_model_merged.inputs, sizes)
      for (let step = 0; step < STEPS; step++) {
        const ids = new BigInt64Array(batch).fill(BigInt(tokens[step]))
        const { logits, ...present } = await run(step, {
          ...past,
          input_ids: ids,
          encoder_attention_mask: mask,
          encoder_hidden_states: states,
          use_cache_branch: Uint8Array.of(Number(step > 0)),
        })
        found.push(pick(logits))
        past = { ...past, ...toPast(present) }
      }
      return found
    }
    const [merged, first, next] = [
      await open('decoder_model_merged'),
      await open('decoder_model'),
      await open('decoder_with_past_model'),
    ]
    const sizesOf = (step: number) => stepSizes({ batch, source, target: 1, past: step })
    return [
      await decode((step, feeds) => merged.run(feeds, sizesOf(step))),
      await decode((step, feeds) => (step === 0 ? first : next).run(feeds, sizesOf(step))),
    ]
  } finally {
    for (const session of sessions) await session.close()
  }
}

const toInt64 = (values: ArrayLike<number>): BigInt64Array => BigInt64Array.from(Array.from(values), BigInt)

/** Returns the cache before the first step, which no branch reads. */
const emptyCache = (inputs: readonly (readonly [string, Type])[], sizes: Readonly<Record<string, number>>): Values =>
  Object.fromEntries(
    inputs
      .filter(([name]) => name.startsWith('past_key_values.'))
      .map(([name, { shape }]) => [
        name,
        new Float32Array(shape.reduce<number>((n, dim) => n * sizeOf(dim, sizes), 1)),
      ]),
  )

const toPast = (present: Values): Values =>
  Object.fromEntries(
    Object.entries(present).map(([name, value]) => [name.replace('present', 'past_key_values'), value]),
  )
