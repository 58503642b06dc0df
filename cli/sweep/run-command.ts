import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
import { withApi } from '../store/with-api.ts'
import { findDataFiles } from './data-files.ts'
import type { Grid } from './grid.ts'
import { formatSweepPlan, planSweep } from './plan.ts'
import type { SweepReport } from './report.ts'
import type { ReportFiles } from './report-files.ts'
import { formatSweep } from './summary.ts'
import { runSweep } from './sweep.ts'

/** A local sweep trains each of its trainings to the end, because no one else waits for the worker of this process. */
const SLICE_SECONDS = 7 * 24 * 3600

/** The flags of every command that runs a sweep. */
export const runFlags = {
  plan: z
    .boolean()
    .default(false)
    .describe('Print what would be trained, with an estimate of its time. Train nothing.'),
  retry: z
    .boolean()
    .default(false)
    .describe('Also train again what failed for a reason that is likely to recur, such as a training that diverged.'),
  threads: z.int().positive().optional().describe('Number of threads if this process trains.'),
}

interface CommandOptions extends z.infer<z.ZodObject<typeof runFlags>> {
  files: ReportFiles
  json: unknown
}

/**
 * Runs or plans a sweep for a command, and prints the result.
 * @throws GraftError `interrupted` after a signal; `training_failed` if trainings have failed, after the report is
 *   written
 */
export async function runSweepCommand(
  grid: Grid,
  { files, plan, retry, threads, json }: CommandOptions,
): Promise<void> {
  // A wrong path is reported before the store is opened.
  findDataFiles(grid)
  const progress = makeProgress()
  const stop = new AbortController()
  const onSignal = () => {
    progress.writeLine('Stopping …')
    stop.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
  try {
    const options = { signal: stop.signal, retry, progress }
    const report = await withApi(
      async (api) => {
        progress.writeLine(api.url ? `The workers of ${api.url} train.` : 'No server is running. This process trains.')
        if (!plan) return runSweep(api, grid, { ...options, files })
        const planned = await planSweep(api, grid, options)
        printResult(json, planned, formatSweepPlan(planned))
        return undefined
      },
      { worker: !plan, threads, base: grid.base, sliceSeconds: SLICE_SECONDS },
    )
    if (!report) return
    printResult(json, { ...report, files }, [...formatSweep(report), '', files.markdown])
    requireNoFailure(report, files)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    fail('interrupted', {
      subject: 'the sweep',
      problem: 'was interrupted',
      fix: 'Whatever has ended is kept. A training of this process has saved its state, and a server continues its own. To continue, run the same command again.',
    })
  } finally {
    progress.finish()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal)
  }
}

function requireNoFailure({ rows }: SweepReport, { markdown }: ReportFiles): void {
  const names = rows.flatMap(({ trainings }) =>
    trainings.filter(({ status }) => status !== 'succeeded').map(({ name }) => name),
  )
  const failed = new Set(names).size
  if (failed === 0) return
  fail('training_failed', {
    subject: failed === 1 ? '1 training' : `${failed} trainings`,
    problem: 'of the sweep failed or were cancelled',
    fix: `${markdown} says why. Run the command again with --retry to train them again.`,
  })
}
