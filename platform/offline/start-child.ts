import { fork, type Serializable } from 'node:child_process'
import { entryFile } from '../../core/entry.ts'

export interface Child {
  /** One that has just ended does not hear it. */
  tell(message: Serializable): void
  /** Resolves when it has ended, in whatever way, and all that it said was heard; rejects where it could not be started. */
  readonly ended: Promise<void>
}

/**
 * Starts a program of Graft's as a process of its own.
 * @param entry its module, such as `training/child`
 * @param work the first message to it
 * @param hear called with each of its messages
 * @param kill ends it at once
 */
export function startChild<Said>(
  entry: string,
  work: Serializable,
  hear: (said: Said) => void,
  kill?: AbortSignal,
): Child {
  const child = fork(entryFile(entry), {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const tell = (message: Serializable) => {
    if (child.connected) child.send(message, () => {})
  }
  const end = () => child.kill('SIGKILL')
  const ended = new Promise<void>((resolve, reject) => {
    child.on('message', hear)
    // One that could not be started never exits; one that could not be killed does.
    child.on('error', (error) => child.pid === undefined && reject(error))
    // What it said last may come after the news of its end.
    child.on('exit', () => (child.connected ? child.once('disconnect', resolve) : resolve()))
  }).finally(() => kill?.removeEventListener('abort', end))
  kill?.addEventListener('abort', end)
  tell(work)
  if (kill?.aborted) end()
  return { tell, ended }
}
