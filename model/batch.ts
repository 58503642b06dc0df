/** Rows of token ids, padded to one length. */
export interface PaddedBatch {
  /** [batch, source], padded on the right. */
  inputIds: Int32Array
  /** [batch, source]: 1 for a token, 0 for padding. */
  attentionMask: Float32Array
  batch: number
  source: number
}

/** Pads rows of token ids to the length of the longest row. */
export function padBatch(rows: readonly Int32Array[], pad: number): PaddedBatch {
  const [batch, source] = [rows.length, Math.max(...rows.map(({ length }) => length))]
  const inputIds = new Int32Array(batch * source).fill(pad)
  const attentionMask = new Float32Array(batch * source)
  for (const [i, row] of rows.entries()) {
    inputIds.set(row, i * source)
    attentionMask.fill(1, i * source, i * source + row.length)
  }
  return { inputIds, attentionMask, batch, source }
}

/** Returns the probabilities of logits. */
export function softmax(logits: ArrayLike<number>, temperature = 1): number[] {
  const list = Array.from(logits, (logit) => logit / temperature)
  const top = Math.max(...list)
  const weights = list.map((s) => Math.exp(s - top))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((w) => w / sum)
}
