import { formatCount } from '../../core/format-count.ts'
import type { Training, TrainingPlan } from '../../platform/schemas/trainings.ts'
import { formatTable } from '../output.ts'
import { formatDuration, type Progress } from '../progress.ts'
import type { Api } from '../store/api.ts'
import { countRows } from './count-rows.ts'
import type { Grid } from './grid.ts'
import { resolveInputs } from './inputs.ts'
import { type Job, listJobs } from './jobs.ts'
import { findTraining, needsTraining } from './run-trainings.ts'

/** The trainings that a sweep would run. */
export interface SweepPlan {
  name: string
  rows: readonly RowPlan[]
  /** The seconds of all trainings that have not succeeded, one after the other. */
  seconds: number
}

interface RowPlan {
  name: string
  trainable: number
  percent: number
  /** The names of the trainings that the store has to the end, and of those to be run or continued. */
  ended: readonly string[]
  remaining: readonly string[]
  steps?: number
  /** The estimated duration of one training. Not set if none remains. */
  seconds?: number
  memory_bytes?: number
}

/**
 * Finds out what a sweep would train, and estimates the time of each row by a dry run. Launches nothing. The data sets
 * are uploaded.
 * @throws GraftError the error of a request or of a file; the reason of the signal
 */
export async function planSweep(
  api: Api,
  grid: Grid,
  { signal, retry, progress }: { signal: AbortSignal; retry: boolean; progress: Progress },
): Promise<SweepPlan> {
  const inputs = await resolveInputs(api, grid)
  const counts = await countRows(api, grid, inputs)
  const jobs = listJobs(grid, inputs)
  const rows: RowPlan[] = []
  for (const row of new Set(jobs.map((job) => job.row))) {
    const ended: string[] = []
    const remaining: Job[] = []
    for (const job of jobs.filter((other) => other.row === row)) {
      const known = await findTraining(api, job.name)
      if (known && isEnded(known, retry)) ended.push(job.name)
      else remaining.push(job)
    }
    signal.throwIfAborted()
    const [first] = remaining
    if (first) progress.writeLine(`Measuring two steps of ${row.name} …`)
    const planned = first && (await dryRun(api, first, signal))
    const { trainable, percent } = counts.get(row.name) ?? { trainable: 0, percent: 0 }
    rows.push({
      name: row.name,
      trainable,
      percent,
      ended,
      remaining: remaining.map(({ name }) => name),
      ...(planned && {
        steps: planned.plan.steps,
        seconds: planned.estimate.seconds,
        memory_bytes: planned.estimate.memory_bytes,
      }),
    })
  }
  return {
    name: grid.name,
    rows,
    seconds: rows.reduce((sum, { seconds = 0, remaining }) => sum + seconds * remaining.length, 0),
  }
}

const isEnded = (training: Training, retry: boolean): boolean =>
  ['succeeded', 'failed', 'cancelled'].includes(training.status) && !needsTraining(training, retry)

async function dryRun(api: Api, { request }: Job, signal: AbortSignal): Promise<TrainingPlan> {
  const { name: _, ...settings } = request
  const planned = await api.trainings.plan(settings)
  signal.throwIfAborted()
  return planned
}

/** Formats a plan as lines of text. */
export function formatSweepPlan({ rows, seconds }: SweepPlan): string[] {
  const remaining = rows.reduce((sum, row) => sum + row.remaining.length, 0)
  return [
    ...formatTable([
      ['method', 'trained', 'ended', 'to train', 'steps', 'time of each', 'memory'],
      ...rows.map((row) => [
        row.name,
        formatCount(row.trainable),
        String(row.ended.length),
        String(row.remaining.length),
        row.steps === undefined ? '-' : formatCount(row.steps),
        row.seconds === undefined ? '-' : formatDuration(row.seconds),
        row.memory_bytes === undefined ? '-' : `${formatCount(Math.round(row.memory_bytes / 1e6))} MB`,
      ]),
    ]),
    '',
    remaining === 0
      ? 'Nothing remains to be trained.'
      : `${remaining} trainings remain: about ${formatDuration(seconds)} one after the other. Workers share them.`,
  ]
}
