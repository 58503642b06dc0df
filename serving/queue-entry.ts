import type { EncodedText } from '../model/encode.ts'
import type { ReadAdapter } from './adapter-reader.ts'
import type { BatchBytes } from './batch-bytes.ts'
import type { Row } from './engine-types.ts'

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
  /** Set if the entry is a point of an explanation instead of a prediction. */
  readonly point?: Point
}

/** A point on the path from an empty text to a text, at which the gradient of an explanation is computed. */
export interface Point {
  readonly explainer: Explainer
  /** The place on the path: 0 is the empty text, 1 the text. */
  readonly alpha: number
  /** The indices of the labels whose difference of logits is explained: target minus against. */
  readonly target: number
  readonly against: number
}

/** Computes points of explanations for the adapters of one configuration. */
export interface Explainer {
  /** Returns a function that estimates the bytes of a batch of points. */
  batchBytes(adapter: ReadyAdapter): BatchBytes
  /**
   * Runs one batch of points. All entries have the same adapter.
   * @returns for each entry, the difference at its point, followed by the contribution of each of its tokens
   */
  computePoints(entries: readonly QueueEntry[]): Promise<Float32Array[]>
}

/** A set of weights with the adapters on top of it whose rows share batches, whatever their methods. */
export interface Mixture {
  /** Returns a function that estimates the bytes of a batch that has a row of this adapter. */
  batchBytes(adapter: ReadyAdapter): BatchBytes
  /** Runs one batch. Returns the logits of each entry's label words. */
  computeLogits(entries: readonly QueueEntry[]): Promise<Float32Array[]>
  /** Returns what explains the predictions of an adapter. Compiles its program for the first one that needs it. */
  explainer(adapter: ReadyAdapter): Promise<Explainer>
}
