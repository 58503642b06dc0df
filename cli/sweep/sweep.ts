import { formatCount } from '../../core/format-count.ts'
import { readVersion } from '../../core/version.ts'
import { runBaseline } from '../../platform/offline/baseline.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { BaselineRequest } from '../../training/baseline/child.ts'
import type { Bar } from '../bar.ts'
import { formatPercent } from '../output.ts'
import { formatDuration, type Progress } from '../progress.ts'
import type { Api } from '../store/api.ts'
import { countRows } from './count-rows.ts'
import type { Grid } from './grid.ts'
import { resolveInputs } from './inputs.ts'
import { type Job, listJobs } from './jobs.ts'
import { makeReport, pairsOf, type SweepState } from './make-report.ts'
import type { SweepReport } from './report.ts'
import { type ReportFiles, readReport, writeReport } from './report-files.ts'
import { runComparisons } from './run-comparisons.ts'
import { runTrainings } from './run-trainings.ts'

export interface SweepOptions {
  files: ReportFiles
  signal: AbortSignal
  /** True to train again what failed for a reason that is likely to recur. */
  retry: boolean
  progress: Progress
}

/**
 * Runs the trainings of a grid that the store does not have yet, and writes the report. It is also written after each
 * training. Whatever has ended is never done again, so an interrupted sweep continues when it is run again.
 * @throws GraftError the error of a request or of a file; the reason of the signal
 */
export async function runSweep(api: Api, grid: Grid, options: SweepOptions): Promise<SweepReport> {
  const { files, signal, retry, progress } = options
  const inputs = await resolveInputs(api, grid)
  const counts = await countRows(api, grid, inputs)
  const version = await readVersion()
  const jobs = listJobs(grid, inputs)
  const trainings = new Map<string, Training>()
  const adapters = new Map<string, Adapter>()
  const state: SweepState = { version, grid, inputs, counts, trainings, adapters, comparisons: new Map() }
  const addTraining = async (job: Job, training: Training) => {
    trainings.set(job.name, training)
    if (training.adapter) adapters.set(job.name, await api.adapters.get(training.adapter))
  }
  const writeSoFar = () => writeReport(files, makeReport(state))

  if (grid.tfidf) {
    state.baseline =
      findBaseline(state, readReport(files)) ??
      (await measureBaseline({ ...inputs.files, reading: grid.reading }, options))
    writeSoFar()
  }
  await runTrainings(api, jobs, {
    signal,
    retry,
    onProgress: (running, ended) => progress.update(formatProgress(running, ended, jobs.length)),
    async onEnd(job, training, isNew) {
      await addTraining(job, training)
      if (!isNew) return
      progress.writeLine(formatEnd(job, training))
      writeSoFar()
    },
  })
  const pairs = grid.claims.flatMap((claim) => pairsOf(state, claim).map(({ pair }) => pair))
  const comparisons = await runComparisons(api, pairs, inputs.test.id, {
    signal,
    onProgress: (ended, total) => progress.update({ done: ended, total, details: ['comparisons'] }),
  })
  progress.finish()
  const report = makeReport({ ...state, comparisons })
  writeReport(files, report)
  return report
}

/** Returns the baseline of an earlier report of the same version on the same data. */
function findBaseline({ version, inputs }: SweepState, earlier: SweepReport | undefined): SweepReport['baseline'] {
  const isSame =
    earlier?.graft === version &&
    earlier.data.train.digest === inputs.train.digest &&
    earlier.data.test.digest === inputs.test.digest
  return isSame ? earlier.baseline : undefined
}

async function measureBaseline(
  files: BaselineRequest,
  { signal, progress }: SweepOptions,
): Promise<SweepReport['baseline']> {
  progress.writeLine('Measuring TF-IDF …')
  const { result, seconds } = await runBaseline(files, signal).catch((error) => {
    signal.throwIfAborted()
    throw error
  })
  progress.writeLine(`TF-IDF: accuracy ${formatPercent(result.accuracy)} after ${formatDuration(seconds)}`)
  return { ...result, seconds }
}

function formatProgress(running: readonly { job: Job; training: Training }[], ended: number, total: number): Bar {
  const [first, ...others] = running
  if (!first) return { done: ended, total, details: ['waiting for a worker'] }
  const { job, training } = first
  const { step = 0, total_steps = 0, loss = 0, reviews_per_second = 0, seconds_left = 0 } = training.progress ?? {}
  const details =
    step === 0
      ? ['starting']
      : [
          `step ${formatCount(step)} of ${formatCount(total_steps)}`,
          `${formatDuration(seconds_left)} left`,
          `loss ${loss.toFixed(4)}`,
          `${reviews_per_second.toFixed(1)} reviews/s`,
        ]
  const more = others.length > 0 ? [`${others.length} more`] : []
  return { done: ended, total, details: [`${job.row.name}, seed ${job.seed}`, ...details, ...more] }
}

function formatEnd({ row, seed }: Job, { status, result, error }: Training): string {
  const subject = `${row.name}, seed ${seed}`
  if (status !== 'succeeded' || !result)
    return `${subject}: ${status}${error ? `. ${error.title}: ${error.detail}` : ''}`
  return `${subject}: accuracy ${formatPercent(Number(result.accuracy))} after ${formatDuration(Number(result.seconds))}`
}
