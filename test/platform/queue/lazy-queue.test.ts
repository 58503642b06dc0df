import { expect, test, vi } from 'vitest'
import { lazyJobQueue } from '../../../platform/queue/lazy-queue.ts'
import type { JobQueue } from '../../../platform/queue/queue.ts'

const opened = { tend: vi.fn(async () => {}), take: vi.fn(async () => undefined), close: vi.fn(async () => {}) }

test('a queue is opened once, when it is used, and closed where it was opened', async () => {
  const open = vi.fn(async () => opened as unknown as JobQueue)
  const jobs = lazyJobQueue(open)
  await jobs.close()
  expect(open).not.toHaveBeenCalled()
  await Promise.all([jobs.tend(), jobs.take('training')])
  expect(open).toHaveBeenCalledTimes(1)
  expect(opened.take).toHaveBeenCalledWith('training')
  await jobs.close()
  expect(opened.close).toHaveBeenCalledTimes(1)
})

test('a queue that could not be opened is opened when it is used again', async () => {
  const open = vi.fn(async () => opened as unknown as JobQueue).mockRejectedValueOnce(new Error('down'))
  const jobs = lazyJobQueue(open)
  await expect(jobs.tend()).rejects.toThrow('down')
  await jobs.tend()
  expect(open).toHaveBeenCalledTimes(2)
})
