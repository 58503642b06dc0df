import { expect, test, vi } from 'vitest'
import { lazyJobQueue } from '../../../platform/queue/lazy-queue.ts'
import type { JobQueue } from '../../../platform/queue/queue.ts'

const opened = { maintain: vi.fn(async () => {}), take: vi.fn(async () => undefined), close: vi.fn(async () => {}) }

test('a lazy queue is opened once, at its first use, and closed only if it was opened', async () => {
  const open = vi.fn(async () => opened as unknown as JobQueue)
  const queue = lazyJobQueue(open)
  await queue.close()
  expect(open).not.toHaveBeenCalled()
  await Promise.all([queue.maintain(), queue.take('training')])
  expect(open).toHaveBeenCalledTimes(1)
  expect(opened.take).toHaveBeenCalledWith('training')
  await queue.close()
  expect(opened.close).toHaveBeenCalledTimes(1)
})

test('a lazy queue that failed to open is opened at its next use', async () => {
  const open = vi.fn(async () => opened as unknown as JobQueue).mockRejectedValueOnce(new Error('down'))
  const queue = lazyJobQueue(open)
  await expect(queue.maintain()).rejects.toThrow('down')
  await queue.maintain()
  expect(open).toHaveBeenCalledTimes(2)
})
