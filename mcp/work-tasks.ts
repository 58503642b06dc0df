import type { ErrorCode } from '../core/catalogue.ts'
import { fail, GraftError } from '../core/errors.ts'
import { isUuid } from '../core/uuid.ts'
import type { Platform } from '../platform/platform.ts'
import type { Comparison } from '../platform/schemas/comparisons.ts'
import { problemOf } from '../platform/schemas/problem.ts'
import type { Training } from '../platform/schemas/trainings.ts'
import { requireScope } from '../platform/use-cases/access.ts'
import { getComparison } from '../platform/use-cases/comparisons.ts'
import { cancelTraining, getTraining } from '../platform/use-cases/trainings.ts'
import { protocolError } from './protocol-error.ts'
import type { Task, Tasks } from './tasks.ts'
import { type Asked, resultOf, type ToolAnswer } from './tool.ts'
import { comparisonAnswer } from './tools/compare-adapters.ts'
import { progressInWords, trainingAnswer } from './tools/trainings.ts'

/** Milliseconds. */
const POLL = 1000

/** Trainings and comparisons as tasks. A task has the id of its work, so any server over the same store knows it. */
export function workTasks(platform: Platform, { caller, id: callId }: Asked): Tasks {
  const doing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      requireScope(caller, 'train')
      return await work()
    } catch (error) {
      throw protocolError(problemOf(platform.logger, error, callId))
    }
  }
  return {
    get: (id) => doing(() => taskOf(platform, id)),
    cancel: (id) =>
      doing(async () => {
        const { training } = await find(platform, id)
        // One that has ended is past that, and a comparison ends soon by itself: the client need not be told.
        if (training) await unless('training_status_conflict', cancelTraining(platform, id))
      }),
    // No work of Graft's asks for anything.
    update: (id) => doing(async () => void (await find(platform, id))),
  }
}

/** @throws GraftError `task_unknown` */
export async function taskOf(platform: Platform, id: string): Promise<Task> {
  const { training, comparison } = await find(platform, id)
  return training
    ? taskFrom(training, progressInWords(training), () => trainingAnswer(training, 'summary'))
    : taskFrom(comparison, comparison.status, () => comparisonAnswer(comparison, 'summary'))
}

type Work = { training: Training; comparison?: undefined } | { training?: undefined; comparison: Comparison }

async function find(platform: Platform, id: string): Promise<Work> {
  const training = isUuid(id) ? await unless('training_unknown', getTraining(platform, id)) : undefined
  if (training) return { training }
  const comparison = await unless('comparison_unknown', getComparison(platform, id))
  return comparison ? { comparison } : unknown(id)
}

function taskFrom(work: Training | Comparison, at: string, answer: () => ToolAnswer<Record<string, unknown>>): Task {
  const { id, status, error, created_at, finished_at } = work
  const begun = 'started_at' in work ? work.started_at : undefined
  const lastUpdatedAt = finished_at ?? begun ?? created_at
  const seed = { taskId: id, createdAt: created_at, lastUpdatedAt, ttlMs: null, pollIntervalMs: POLL }
  if (status === 'cancelled') return { ...seed, status }
  if (status !== 'succeeded' && status !== 'failed') return { ...seed, status: 'working', statusMessage: at }
  // What the client may fix is a result; a task fails where Graft does.
  if (error?.code !== 'internal')
    return { ...seed, status: 'completed', result: resultOf(answer(), error !== undefined) }
  const { code, message, data } = protocolError(error)
  return { ...seed, status: 'failed', statusMessage: error.detail, error: { code, message, data } }
}

async function unless<T>(code: ErrorCode, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof GraftError && error.code === code) return undefined
    throw error
  }
}

function unknown(id: string): never {
  fail('task_unknown', {
    subject: 'taskId',
    expected: 'the id of a training or of a comparison',
    found: JSON.stringify(id.slice(0, 200)),
    fix: 'Use the taskId of an answer that was a task.',
  })
}
