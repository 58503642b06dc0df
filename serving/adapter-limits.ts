import { fail } from '../core/errors.ts'
import type { Model } from '../model/architecture.ts'
import { type MethodConfig, virtualTokensOf } from '../model/methods/registry.ts'
import { countTrainable } from '../model/parameter-count.ts'
import { totalSize } from '../model/tensor-shapes.ts'

/**
 * The most tokens that a served adapter may read at once, unless the operator allows more. The memory for attention
 * grows with the square: on T5-small, a thread takes 0.4 GB for 2,048 tokens and 6 GB for 8,192.
 */
export const DEFAULT_MAX_TOKENS = 2048

/** The properties of an adapter that decide how much memory its predictions take. */
interface ServedAdapter {
  readonly method: MethodConfig
  /** The number of tokens to which texts are truncated. */
  readonly maxTokens: number
}

/**
 * Requires that an adapter may be served. It must not have more parameters than its base, which bounds its rank or
 * width.
 * @param limit the most tokens that a served adapter may read at once, virtual tokens included
 * @throws GraftError `adapter_too_large`
 */
export function requireServable(
  { method, maxTokens }: ServedAdapter,
  model: Model,
  limit: number,
  subject: string,
): void {
  const virtual = virtualTokensOf(method)
  const tokens = maxTokens + virtual
  if (tokens > limit)
    fail('adapter_too_large', {
      subject,
      expected: `at most ${limit} tokens at once, which is the limit of this server`,
      found: virtual > 0 ? `${maxTokens} tokens of a text and ${virtual} virtual tokens` : `${tokens} tokens`,
      fix: `Train with a smaller max_tokens, or start the server with graft serve --max-tokens ${tokens}.`,
    })
  const { trainable } = countTrainable(method, model)
  const most = totalSize(model.tensors)
  if (trainable > most)
    fail('adapter_too_large', {
      subject,
      expected: `at most ${most} parameters, as many as the base has`,
      found: `${trainable} parameters`,
      fix: 'Train with a smaller rank or width, or train all weights of the base with the method full.',
    })
}
