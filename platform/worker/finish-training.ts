import { detectLayout } from '../../checkpoint/layouts.ts'
import { readManifest } from '../../checkpoint/manifest.ts'
import type { TrainingResult } from '../../training/events.ts'
import type { ArtifactStorage } from '../artifacts/artifacts.ts'
import { packFolder } from '../artifacts/pack-folder.ts'
import { announceTraining } from '../queue/announce.ts'
import { insertAdapter, type NewAdapter } from '../store/adapters.ts'
import { recordProgress, transitionTraining } from '../store/training-transitions.ts'
import type { TrainingRow } from '../store/trainings.ts'
import type { PendingWrites } from './recorder.ts'
import type { WorkerOptions } from './worker-options.ts'

/** The size of a trained parameter. */
const FLOAT_BYTES = 4

/** Uploads the folder of a new adapter to the artifact storage. @returns the adapter's row, which is not written yet */
export async function uploadAdapter(
  artifacts: ArtifactStorage,
  { id, name, base_id, spec }: TrainingRow,
  { checkpoint, trainable, total, calibration, metrics }: TrainingResult,
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
    bytes: FLOAT_BYTES * trainable,
    layout: layout.name,
    labels: manifest.labels,
    temperature: calibration.temperature,
    metrics: metrics && { ...metrics },
  }
}

/** Marks a training as succeeded and writes the row of its adapter, in one transaction. */
export function completeTraining(
  { store, queue }: Pick<WorkerOptions, 'store' | 'queue'>,
  { id, fencing_token }: TrainingRow,
  adapter: NewAdapter,
  { checkpoint: _, ...result }: TrainingResult,
  { patch, events }: PendingWrites,
): Promise<TrainingRow> {
  return store.transaction(async (tx) => {
    // Checks the fencing token before anything else. If an earlier try committed and its answer was lost, the adapter's
    // name is taken already, and the error would be about the name.
    await recordProgress(tx, id, fencing_token, patch, [...events, { key: 'done', event: { type: 'done', result } }])
    const { id: adapter_id } = await insertAdapter(tx, adapter, id)
    const row = await transitionTraining(tx, id, 'succeeded', { fencing_token, patch: { adapter_id, result } })
    await announceTraining(tx, queue, row)
    return row
  })
}
