import type { ErrorCode } from '../core/catalogue.ts'
import { fail, GraftError } from '../core/errors.ts'
import { isUuid } from '../core/uuid.ts'
import type { Platform } from '../platform/platform.ts'
import type { Comparison } from '../platform/schemas/comparisons.ts'
import type { Evaluation } from '../platform/schemas/evaluations.ts'
import { toPublicProblem } from '../platform/schemas/problem.ts'
import type { Training } from '../platform/schemas/trainings.ts'
import { requireScope } from '../platform/use-cases/access.ts'
import { getComparison } from '../platform/use-cases/comparisons.ts'
import { getEvaluation } from '../platform/use-cases/evaluations.ts'
import { cancelTraining, getTraining } from '../platform/use-cases/trainings.ts'
import { toProtocolError } from './protocol-error.ts'
import type { Task, Tasks } from './tasks.ts'
import { type RequestContext, type ToolResult, toCallToolResult } from './tool.ts'
import { toComparisonResult } from './tools/compare-adapters.ts'
import { toEvaluationResult } from './tools/evaluate-adapter.ts'
import { describeProgress, toTrainingResult } from './tools/trainings.ts'

const CLIENT_POLL_INTERVAL_MS = 1000

/**
 * Makes tasks of trainings, comparisons and evaluations. A task has the id of its work, so every server on the same
 * store can find it.
 */
export function makeWorkTasks(platform: Platform, { caller, requestId }: RequestContext): Tasks {
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      requireScope(caller, 'train')
      return await work()
    } catch (error) {
      throw toProtocolError(toPublicProblem(platform.logger, error, requestId))
    }
  }
  return {
    get: (id) => run(() => getTask(platform, id)),
    cancel: (id) =>
      run(async () => {
        const { training } = await findWork(platform, id)
        // A training that has ended cannot be cancelled, and the others end soon by themselves. Neither is an error.
        if (training) await undefinedIf('training_status_conflict', cancelTraining(platform, id))
      }),
    // Work never requests input.
    update: (id) => run(async () => void (await findWork(platform, id))),
  }
}

/** @throws GraftError `task_unknown` */
export async function getTask(platform: Platform, id: string): Promise<Task> {
  const { training, comparison, evaluation } = await findWork(platform, id)
  if (training) return toTask(training, describeProgress(training), () => toTrainingResult(training, 'summary'))
  if (comparison) return toTask(comparison, comparison.status, () => toComparisonResult(comparison, 'summary'))
  return toTask(evaluation, evaluation.status, () => toEvaluationResult(evaluation, 'summary'))
}

/** One of the three. */
type Work =
  | { training: Training; comparison?: undefined; evaluation?: undefined }
  | { training?: undefined; comparison: Comparison; evaluation?: undefined }
  | { training?: undefined; comparison?: undefined; evaluation: Evaluation }

async function findWork(platform: Platform, id: string): Promise<Work> {
  const training = isUuid(id) ? await undefinedIf('training_unknown', getTraining(platform, id)) : undefined
  if (training) return { training }
  const comparison = await undefinedIf('comparison_unknown', getComparison(platform, id))
  if (comparison) return { comparison }
  const evaluation = await undefinedIf('evaluation_unknown', getEvaluation(platform, id))
  return evaluation ? { evaluation } : throwUnknownTask(id)
}

function toTask(
  work: Training | Comparison | Evaluation,
  statusMessage: string,
  toResult: () => ToolResult<Record<string, unknown>>,
): Task {
  const { id, status, error, created_at, finished_at } = work
  const startedAt = 'started_at' in work ? work.started_at : undefined
  const lastUpdatedAt = finished_at ?? startedAt ?? created_at
  const base = {
    taskId: id,
    createdAt: created_at,
    lastUpdatedAt,
    ttlMs: null,
    pollIntervalMs: CLIENT_POLL_INTERVAL_MS,
  }
  if (status === 'cancelled') return { ...base, status }
  if (status !== 'succeeded' && status !== 'failed') return { ...base, status: 'working', statusMessage }
  // An error that the client can fix is a result. Only an internal error fails the task.
  if (error?.code !== 'internal')
    return { ...base, status: 'completed', result: toCallToolResult(toResult(), error !== undefined) }
  const { code, message, data } = toProtocolError(error)
  return { ...base, status: 'failed', statusMessage: error.detail, error: { code, message, data } }
}

/** Returns undefined if the work fails with this code. Other errors are thrown. */
async function undefinedIf<T>(code: ErrorCode, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof GraftError && error.code === code) return undefined
    throw error
  }
}

function throwUnknownTask(id: string): never {
  fail('task_unknown', {
    subject: 'taskId',
    expected: 'the id of a training, a comparison or an evaluation',
    found: JSON.stringify(id.slice(0, 200)),
    fix: 'Use the taskId of a task that a call returned.',
  })
}
