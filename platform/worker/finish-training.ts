import { detectLayout } from '../../checkpoint/layouts.ts'
import { readManifest } from '../../checkpoint/manifest.ts'
import type { TrainingResult } from '../../training/events.ts'
import type { Artifacts } from '../artifacts/artifacts.ts'
import { packFolder } from '../artifacts/pack-folder.ts'
import { createAdapter, type NewAdapter } from '../store/adapters.ts'
import type { Store } from '../store/store.ts'
import { recordProgress, transitionTraining } from '../store/training-transitions.ts'
import type { TrainingRow } from '../store/trainings.ts'
import type { PendingWrites } from './recorder.ts'

/** Bytes of a trained parameter. */
const FLOAT = 4

/** Keeps what a training made among the artifacts. @returns the row of its adapter, to be written */
export async function keepAdapter(
  artifacts: Artifacts,
  { id, name, base_id, spec }: TrainingRow,
  { checkpoint, trainable, total, metrics }: TrainingResult,
): Promise<NewAdapter> {
  const { method } = spec.method
  const manifest = await readManifest(checkpoint)
  const { layout } = await detectLayout(checkpoint)
  if (!manifest?.labels) throw new Error(`${checkpoint} has no manifest with labels`)
  return {
    // The last part of an id is random.
    name: name ?? `${method}-${id.slice(-12)}`,
    base_id,
    method,
    trainable,
    total,
    digest: manifest.weights_sha256,
    artifact: (await artifacts.put(packFolder(checkpoint))).digest,
    bytes: FLOAT * trainable,
    layout: layout.name,
    labels: manifest.labels,
    metrics: metrics && { ...metrics },
  }
}

/** The end: the adapter's row and the training's, or neither. */
export function succeed(
  { transaction }: Store,
  { id, fencing_token }: TrainingRow,
  adapter: NewAdapter,
  { checkpoint: _, ...result }: TrainingResult,
  { report, events }: PendingWrites,
): Promise<TrainingRow> {
  return transaction(async (tx) => {
    // First of all whether it is still this worker's: where this was done before, unknown to it, the name would be taken.
    await recordProgress(tx, id, fencing_token, report, [...events, { key: 'done', event: { type: 'done', result } }])
    const { id: adapter_id } = await createAdapter(tx, adapter, id)
    return transitionTraining(tx, id, 'succeeded', { fencing_token, report: { adapter_id, result } })
  })
}
