import { fail } from '../../core/errors.ts'
import { chooseDevice } from '../../graph/runtime/devices/choose-device.ts'
import type { DeviceKind } from '../../graph/runtime/devices/device-description.ts'
import { openRuntime } from '../../graph/runtime/runtime.ts'
import { compare } from '../../training/comparison/compare.ts'
import type { Answered, Comparison } from '../../training/comparison/comparison.ts'
import { readReviews } from '../../training/data/examples.ts'
import { openAnswerer } from './answer-reviews.ts'

export type { Comparison } from '../../training/comparison/comparison.ts'

export interface ComparisonRequest {
  /** Two or more, of different names, each with the folder of its base and its own. */
  adapters: readonly { name: string; base: string; checkpoint: string }[]
  data: string
  threads?: number
  device?: DeviceKind
}

/**
 * Asks every adapter about the same reviews, one adapter after the other, and compares the answers.
 * @param onProgress answers so far, of how many
 * @throws GraftError `data_label` where the reviews have a label that one of them does not know; what is wrong with a folder or the data
 */
export async function compareCheckpoints(
  { adapters, data, threads, device = 'cpu' }: ComparisonRequest,
  onProgress: (done: number, of: number) => void,
): Promise<Comparison> {
  const known: (readonly string[])[] = []
  for (const { base, checkpoint } of adapters) known.push((await openAnswerer(base, checkpoint)).labels)
  const labels = known[0].filter((label) => known.every((others) => others.includes(label)))
  if (labels.length === 0)
    nothingInCommon(
      adapters.map(({ name }) => name),
      known,
    )
  const { reviews } = await readReviews(data, { labels })
  await chooseDevice(device, 'f32')
  const pool = openRuntime(device, threads)
  try {
    const answered: Answered[] = []
    let lengths: readonly number[] = []
    for (const [i, { name, base, checkpoint }] of adapters.entries()) {
      // Opened again, so that one model at a time is in memory, however many there are.
      const answerer = await openAnswerer(base, checkpoint)
      const told = (done: number) => onProgress(i * reviews.length + done, adapters.length * reviews.length)
      const found = await answerer.answer(reviews, pool, told)
      answered.push({ name, labels: answerer.labels, answers: found.answers })
      if (i === 0) lengths = found.lengths
    }
    return compare(
      reviews.map((review, row) => ({ ...review, tokens: lengths[row] })),
      answered,
    )
  } finally {
    await pool.close()
  }
}

function nothingInCommon(names: readonly string[], known: readonly (readonly string[])[]): never {
  return fail('data_label', {
    subject: names.join(', '),
    expected: 'adapters with labels in common',
    found: known.map((labels) => labels.join(', ')).join('; '),
    fix: 'Compare adapters that were trained for the same labels.',
  })
}
