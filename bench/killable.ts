import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Answered, Asked } from './kill-matrix-process.ts'

/** A process that is started again whenever it was killed. */
export interface Killable {
  /** Asks until there is an answer: of one that was killed, the next. */
  ask(question: Asked): Promise<{ id?: string; unfinished?: number }>
  kill(): Promise<boolean>
  /** Kills a training process of it. @returns false where it has none */
  killTrainer(): boolean
  end(): Promise<void>
}

export function killable(where: { databaseUrl: string; home: string }, works: boolean): Killable {
  let ended = false
  let child = start()
  let heard: (answer: Answered) => void = () => {}

  function start(): ChildProcess {
    const started = fork(join(import.meta.dirname, 'kill-matrix-process.ts'), [
      where.databaseUrl,
      where.home,
      String(works),
    ])
    started.on('message', (message: Answered) => heard(message))
    started.on('exit', () => {
      if (ended) return
      // As whatever watches over services does.
      setTimeout(() => {
        if (!ended) child = start()
      }, 300)
    })
    return started
  }

  async function ask(question: Asked): Promise<{ id?: string; unfinished?: number }> {
    for (;;) {
      const answer = await Promise.race([
        new Promise<Answered>((resolve) => {
          heard = (message) => {
            if ('ready' in message) child.send(question, () => {})
            else resolve(message)
          }
          if (child.connected) child.send(question, () => {})
        }),
        pause(5_000),
      ])
      const fits =
        answer &&
        ('launch' in question
          ? 'launched' in answer && answer.launched === question.launch.key
          : 'unfinished' in answer)
      if (fits) return answer as { id?: string; unfinished?: number }
    }
  }

  return {
    ask,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return false
      child.kill('SIGKILL')
      await once(child, 'exit')
      return true
    },
    killTrainer() {
      const trainer = childrenOf(child.pid as number).find(({ args }) => args.includes('training/child'))
      if (!trainer) return false
      process.kill(trainer.pid, 'SIGKILL')
      return true
    },
    async end() {
      ended = true
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
    // It has none.
    return []
  }
}
