import { fork } from 'node:child_process'
import { entryFile } from '../../../core/entry.ts'

/** Where devices are looked for. All of it is this machine's own unless a test says otherwise. */
export interface Surroundings {
  env: NodeJS.ProcessEnv
  /** Before `/dev`, `/proc`, `/sys` and `/usr/share`. */
  root: string
  /** The programs that talk to drivers. */
  programs: { adapter: string; measure: string }
  /** A driver that has not answered by then is taken to hang. */
  seconds: number
}

export const thisMachine = (): Surroundings => ({
  env: process.env,
  root: '',
  programs: {
    adapter: entryFile('graph/runtime/devices/gpu-info-child'),
    measure: entryFile('graph/runtime/devices/measure-child'),
  },
  seconds: 60,
})

/** What came of a child: its answer, or how it ended without one. `stderr` holds what the driver wrote. */
export type Outcome<T> = { answer: T; stderr: string } | { failure: string; stderr: string }

/**
 * Asks a program of its own process: a driver that crashes or hangs takes that process alone with it.
 * @param args the last words of its command line; it sends one message, the answer
 */
export function askChild<T>(
  program: string,
  args: readonly string[],
  { env, seconds }: Pick<Surroundings, 'env' | 'seconds'>,
): Promise<Outcome<T>> {
  return new Promise((resolve) => {
    const child = fork(program, [...args], { env, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    let stderr = ''
    let answer: { value: T } | undefined
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const end = (failure: string) => {
      clearTimeout(timer)
      resolve(answer ? { answer: answer.value, stderr } : { failure, stderr })
    }
    // A process that hangs inside the kernel cannot be killed: nothing waits for its end, and it keeps nobody alive.
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      if (child.connected) child.disconnect()
      child.unref()
      child.stderr?.destroy()
      end(`it did not answer within ${seconds} seconds`)
    }, seconds * 1000)
    child.on('message', (value: T) => {
      answer = { value }
    })
    child.on('error', (error) => end(`it could not be started: ${error.message}`))
    child.on('close', (code, signal) => end(signal ? `it crashed (${signal})` : `it ended with exit code ${code}`))
  })
}

/** Sends a child's one answer and ends it, before a driver's own clean-up can crash or hang. */
export function answer(value: object): void {
  process.send?.(value, undefined, undefined, () => process.exit(0))
}
