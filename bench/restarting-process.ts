import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ProcessReply, ProcessRequest } from './kill-matrix-process.ts'

const RESTART_DELAY_MS = 300
const REPLY_TIMEOUT_MS = 5_000

/** A process that is started again each time it is killed. */
export interface RestartingProcess {
  /** Repeats a request until there is a reply; if the process is killed, its successor replies. */
  request(request: ProcessRequest): Promise<{ id?: string; unfinished?: number }>
  kill(): Promise<boolean>
  /** Kills its training process. @returns false if it has none */
  killTrainingProcess(): boolean
  stop(): Promise<void>
}

export function startRestartingProcess(
  location: { databaseUrl: string; home: string },
  isWorker: boolean,
): RestartingProcess {
  let isStopped = false
  let child = start()
  let onReply: (reply: ProcessReply) => void = () => {}

  function start(): ChildProcess {
    const forked = fork(join(import.meta.dirname, 'kill-matrix-process.ts'), [
      location.databaseUrl,
      location.home,
      String(isWorker),
    ])
    forked.on('message', (reply: ProcessReply) => onReply(reply))
    forked.on('exit', () => {
      if (isStopped) return
      // A service supervisor does the same.
      setTimeout(() => {
        if (!isStopped) child = start()
      }, RESTART_DELAY_MS)
    })
    return forked
  }

  async function request(message: ProcessRequest): Promise<{ id?: string; unfinished?: number }> {
    for (;;) {
      const reply = await Promise.race([
        new Promise<ProcessReply>((resolve) => {
          onReply = (reply) => {
            if ('ready' in reply) child.send(message, () => {})
            else resolve(reply)
          }
          if (child.connected) child.send(message, () => {})
        }),
        pause(REPLY_TIMEOUT_MS),
      ])
      const matches =
        reply &&
        ('launch' in message ? 'launched' in reply && reply.launched === message.launch.key : 'unfinished' in reply)
      if (matches) return reply as { id?: string; unfinished?: number }
    }
  }

  return {
    request,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return false
      child.kill('SIGKILL')
      await once(child, 'exit')
      return true
    },
    killTrainingProcess() {
      const training = childrenOf(child.pid as number).find(({ args }) => args.includes('training/child'))
      if (!training) return false
      process.kill(training.pid, 'SIGKILL')
      return true
    },
    async stop() {
      isStopped = true
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function childrenOf(pid: number): { pid: number; args: string }[] {
  try {
    return execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' })
      .split('\n')
      .map((line) => ({ pid: Number.parseInt(line, 10), args: line }))
  } catch {
    // The process has no children.
    return []
  }
}
