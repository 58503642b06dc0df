import type { EncodedText } from '../model/encode.ts'
import type { BatchBytes } from './batch-bytes.ts'
import type { Row } from './engine-types.ts'
import type { ReadAdapter } from './loader-thread.ts'

/** An adapter in memory, ready to answer. */
export interface ReadyAdapter extends ReadAdapter {
  /** Its P numbers in shared memory, in the order of the method's parameters. */
  readonly values: Float32Array
  /** Runs its rows. */
  readonly mixture: Mixture
  /** Keeps the values in place until the returned function is called. */
  hold(): () => void
}

/** A row on its way through the queue: its token ids, and the adapter that answers it. */
export interface QueueEntry extends EncodedText {
  readonly row: Row
  readonly adapter: ReadyAdapter
  /** Whose entry it is. Clients take turns. */
  readonly client: string
  /**
   * Readings of `performance.now()`: when tokenization started and ended, and when the entry's batch started to run.
   */
  readonly times: { readonly received: number; readonly tokenized: number; started: number }
}

/** A set of weights with the adapters on top of it whose rows share batches, whatever their methods. */
export interface Mixture {
  /** Returns a function that estimates the bytes of a batch that has a row of this adapter. */
  batchBytes(adapter: ReadyAdapter): BatchBytes
  /** Runs one batch. Returns the logits of each entry's label words. */
  computeLogits(entries: readonly QueueEntry[]): Promise<Float32Array[]>
}
