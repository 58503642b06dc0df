import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WorkResult } from '../platform/schemas/work.ts'
import type { FunctionInstance } from './function-platform.ts'

/** The events of a schedule, of a queue, and of a request to the platform's own interface. */
export const trainEvents: readonly object[] = [
  { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
  { Records: [{ eventSource: 'aws:sqs', messageId: '1', body: '{}' }] },
  {},
]

export interface InvocationLog {
  /** The response. Undefined if the invocation was killed. */
  result?: WorkResult
  seconds: number
  /** Seconds of processor time of the instance and of the processes that it started. Not measured of a killed one. */
  cpuSeconds?: number
}

export interface InvokeOptions {
  /** Starts an instance of the training function. */
  start(log: readonly InvocationLog[]): Promise<FunctionInstance>
  /**
   * Resolves when the instance is to be killed, if the invocation has not ended by then. Undefined for one that is not.
   */
  killWhen?(log: readonly InvocationLog[], ended: AbortSignal): Promise<unknown> | undefined
  /** Returns whether another invocation is needed. Called after each invocation, when no process runs. */
  isDone(log: readonly InvocationLog[]): Promise<boolean> | boolean
}

/**
 * Carries work to its end by invocations only. Each one runs in a new process, which is killed afterwards, as a
 * platform may do with an instance that it no longer needs.
 * @throws if a process is left after an invocation
 */
export async function invokeUntilDone({ start, killWhen, isDone }: InvokeOptions): Promise<InvocationLog[]> {
  const log: InvocationLog[] = []
  do {
    const instance = await start(log)
    const started = performance.now()
    const seconds = () => (performance.now() - started) / 1000
    const invoked = instance.invoke<WorkResult>(trainEvents[log.length % trainEvents.length])
    const ended = new AbortController()
    const killed = killWhen?.(log, ended.signal)?.then(() => 'killed' as const)
    const outcome = await Promise.race(killed === undefined ? [invoked] : [invoked, killed])
    ended.abort()
    const children = childrenOf(instance.pid)
    if (outcome === 'killed') {
      invoked.catch(() => {})
      log.push({ seconds: seconds() })
    } else {
      if (children.length > 0) throw new Error(`the processes ${children} are left after an invocation`)
      log.push({ result: outcome, seconds: seconds(), cpuSeconds: cpuSecondsOf(instance.pid) })
    }
    await instance.end()
    // A training process notices within moments that its parent is gone.
    for (const child of children) while (isAlive(child)) await sleep(20)
  } while (!(await isDone(log)))
  return log
}

/** Returns the ids of the processes that a process has started and that still run. */
const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

/**
 * Reads fields 14 to 17 of /proc/PID/stat, in hundredths of a second: the time of the process, and of those of its
 * children that have ended. The name in field 2 may contain spaces.
 */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100
}
