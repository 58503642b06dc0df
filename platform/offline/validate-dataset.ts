import { fail, fromPlain } from '../../core/errors.ts'
import { makeFreeList } from '../../core/free-list.ts'
import type { ScanAnswer, ScanRequest } from '../../training/data/child.ts'
import type { Preview } from '../../training/data/preview.ts'
import type { Reading } from '../../training/data/reading.ts'
import type { ExampleCounts } from '../../training/data/scan-examples.ts'
import { askChild } from './start-child.ts'

/** Reading a file takes a core, and predictions need the others. */
const slots = makeFreeList([0, 1])

/** Several times what a row and the counts of the largest file need. */
const HEAP_MIB = 256

/**
 * Reads every line of an uploaded data set in a child process. Two such processes run at a time; others wait.
 * @param fd the descriptor of the file
 * @param name the name of the file in errors; `reading` says how it is read
 * @param signal kills the process
 * @throws GraftError like {@link scanExamples}; `validation_failed` if the process exits early
 */
export async function validateDataset(
  fd: number,
  { name, reading = {} }: { name: string; reading?: Reading },
  signal: AbortSignal,
): Promise<{ counts: ExampleCounts; preview: Preview }> {
  const slot = await slots.acquire(signal)
  try {
    const request: ScanRequest = { name, reading }
    const answer = await askChild<ScanAnswer>('training/data/child', { ...request }, signal, {
      stdin: fd,
      heapMib: HEAP_MIB,
    })
    signal.throwIfAborted()
    if (!answer)
      fail('validation_failed', {
        subject: 'the validation process',
        problem: 'exited before it finished',
        fix: 'It may have run out of memory. Free some memory on the machine of the server, and upload the file again.',
      })
    if ('error' in answer) throw fromPlain(answer.error)
    return answer
  } finally {
    slots.release(slot)
  }
}
