import type { PlainError } from '../core/errors.ts'
import type { EncodedText, Truncation } from '../model/encode.ts'
import type { Row } from './engine-types.ts'
import type { ReadyAdapter } from './queue-entry.ts'
import type { TokenizerClient } from './tokenizer-client.ts'

/** Returns the characters that have to be tokenized for these rows. */
export const countCharacters = (rows: readonly Row[]): number =>
  [...new Set(rows.map(({ text }) => text))].reduce((sum, { length }) => sum + length, 0)

/**
 * Tokenizes the texts of rows. A text that several rows have, each for another adapter, is tokenized once.
 * @param adapters the adapter of each row
 * @returns the result of each row, in their order
 */
export async function encodeRows(
  tokenizer: TokenizerClient,
  rows: readonly Row[],
  adapters: readonly Pick<ReadyAdapter, 'truncation'>[],
  client: string,
  signal?: AbortSignal,
): Promise<(EncodedText | { error: PlainError })[]> {
  const truncationOf = (i: number): Truncation => {
    const { truncation } = adapters[i]
    const side = rows[i].truncationSide
    return side ? { ...truncation, side } : truncation
  }
  const byText = Map.groupBy(rows.keys(), (i) => rows[i].text)
  const texts = [...byText].map(([text, indices]) => ({
    text,
    truncations: indices.map(truncationOf),
    locates: indices.some((i) => rows[i].explained),
  }))
  const encoded = await tokenizer.encode(texts, client, signal)
  const results: (EncodedText | { error: PlainError })[] = []
  for (const [t, indices] of [...byText.values()].entries()) {
    const result = encoded[t]
    for (const [j, i] of indices.entries()) results[i] = 'error' in result ? result : result[j]
  }
  return results
}
