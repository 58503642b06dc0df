import { fork, type Serializable } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import type { ErrorCode } from '../../core/catalogue.ts'
import { entryFile } from '../../core/entry.ts'
import { GraftError } from '../../core/errors.ts'
import { giveWay } from '../../core/give-way.ts'

export interface Child {
  /** Sends a message. It is lost if the process has just exited. */
  send(message: Serializable): void
  /**
   * Resolves once the process has exited, for any reason, and all its messages were received. Rejects if it could not
   * be started.
   */
  readonly exited: Promise<void>
}

export interface ChildOptions {
  /** The descriptor of an open file that the process reads as its stdin. Defaults to none. */
  stdin?: number
  /** The limit of its heap in MiB. A process that needs more exits. Defaults to that of Node. */
  heapMib?: number
}

/**
 * Starts one of Graft's programs as a child process.
 * @param entry the module of the program, such as `training/child`
 * @param work the first message to the process
 * @param onMessage called with each message of the process
 * @param kill kills the process
 */
export function startChild<Message>(
  entry: string,
  work: Serializable,
  onMessage: (message: Message) => void,
  kill?: AbortSignal,
  { stdin, heapMib }: ChildOptions = {},
): Child {
  const child = fork(entryFile(entry), {
    serialization: 'advanced',
    stdio: [stdin ?? 'ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, ...(heapMib ? [`--max-old-space-size=${heapMib}`] : [])],
  })
  sacrificeFirst(child.pid)
  if (child.pid !== undefined) giveWay(child.pid, NICENESS)
  const send = (message: Serializable) => {
    if (child.connected) child.send(message, () => {})
  }
  const onKill = () => child.kill('SIGKILL')
  const exited = new Promise<void>((resolve, reject) => {
    child.on('message', onMessage)
    // A process that could not be started never exits. One that could not be killed does.
    child.on('error', (error) => child.pid === undefined && reject(error))
    // Its last messages may arrive after the exit event.
    child.on('exit', () => (child.connected ? child.once('disconnect', resolve) : resolve()))
  }).finally(() => kill?.removeEventListener('abort', onKill))
  kill?.addEventListener('abort', onKill)
  send(work)
  if (kill?.aborted) onKill()
  return { send, exited }
}

/** The highest value: of all processes, Linux ends those that have it first. */
const OOM_SCORE_ADJ = '1000'

/**
 * Makes Linux end this process first when memory runs out, and not the server or the worker that started it, which then
 * tries again or reports the failure. Other systems have no such setting.
 */
function sacrificeFirst(pid: number | undefined): void {
  if (process.platform !== 'linux' || pid === undefined) return
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE_ADJ)
  } catch {
    // The process has exited already, or a sandbox does not show it.
  }
}

/**
 * Predictions in this process go first if both need the processor; the process still gets about a thirtieth of it. Data
 * sets are validated in such processes too: with 5, many uploads took half of what the server could answer.
 */
const NICENESS = 15

/**
 * Gets the one answer of a child process that receives one message.
 * @param kill kills the process
 * @returns undefined if the process exited without an answer
 */
export async function askChild<Answer>(
  entry: string,
  work: Serializable,
  kill: AbortSignal,
  options?: ChildOptions,
): Promise<Answer | undefined> {
  let answer: Answer | undefined
  const onAnswer = (message: Answer) => {
    answer = message
  }
  await startChild(entry, work, onAnswer, kill, options).exited
  return answer
}

/**
 * Returns the error for a child process that exited without a result or an error of its own.
 * @param work names the process, such as `training`
 * @param nextStep a sentence that says how to continue
 */
export function earlyExitError(code: ErrorCode, work: string, nextStep?: string): GraftError {
  return new GraftError(code, {
    subject: `the ${work} process`,
    problem: 'exited before it finished',
    fix: ['It may have run out of memory; try fewer threads.', ...(nextStep ? [nextStep] : [])].join(' '),
  })
}
