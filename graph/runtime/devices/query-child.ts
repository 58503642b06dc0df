import { fork } from 'node:child_process'
import { entryFile } from '../../../core/entry.ts'

/** The machine whose devices are described. Tests replace parts of it. */
export interface HostEnvironment {
  env: NodeJS.ProcessEnv
  /** The prefix of `/dev`, `/proc`, `/sys` and `/usr/share`. Empty on a real machine. */
  root: string
  /** The programs that call drivers, each run in a child process. */
  programs: { gpuInfo: string; measure: string }
  /** The time after which a driver that has not answered counts as hung. */
  timeoutSeconds: number
}

/** Returns the machine that this process runs on. */
export const thisHost = (): HostEnvironment => ({
  env: process.env,
  root: '',
  programs: {
    gpuInfo: entryFile('graph/runtime/devices/gpu-info-child'),
    measure: entryFile('graph/runtime/devices/measure-child'),
  },
  timeoutSeconds: 60,
})

/** The outcome of a child process: its answer, or how it ended without one. `stderr` is the driver's output. */
export type ChildOutcome<T> = { answer: T; stderr: string } | { failure: string; stderr: string }

/**
 * Runs a program in a child process and returns its answer. A driver that crashes or hangs affects only the child.
 * @param program the path of a module that calls {@link sendAnswer} once
 * @param args the arguments of the program
 */
export function queryChild<T>(
  program: string,
  args: readonly string[],
  { env, timeoutSeconds }: Pick<HostEnvironment, 'env' | 'timeoutSeconds'>,
): Promise<ChildOutcome<T>> {
  return new Promise((resolve) => {
    const child = fork(program, [...args], { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let stderr = ''
    let answer: { value: T } | undefined
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const finish = (failure: string) => {
      clearTimeout(timer)
      resolve(answer ? { answer: answer.value, stderr } : { failure, stderr })
    }
    // A process that hangs in the kernel cannot be killed: do not wait for its exit or let it keep this process alive.
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      if (child.connected) child.disconnect()
      child.unref()
      child.stderr?.destroy()
      finish(`it did not answer within ${timeoutSeconds} seconds`)
    }, timeoutSeconds * 1000)
    child.on('message', (value: T) => {
      answer = { value }
    })
    child.on('error', (error) => finish(`it could not be started: ${error.message}`))
    child.on('close', (code, signal) => finish(signal ? `it crashed (${signal})` : `it exited with code ${code}`))
  })
}

/** Sends the answer of this child process, then exits before the driver's cleanup can crash or hang. */
export function sendAnswer(value: object): void {
  process.send?.(value, undefined, undefined, () => process.exit(0))
}
