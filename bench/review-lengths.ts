import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { labelTokens } from '../model/label-words.ts'
import { readReviews } from '../training/data/examples.ts'
import { encodeAll, tokenizerOf } from '../training/data/prepare.ts'

/** Reviews whose lengths are drawn from. */
const SAMPLE = 3000

/** Token counts of real reviews, cut at 512, by the embedded base's tokenizer. */
export async function reviewLengths(data: string): Promise<Int32Array> {
  const base = await loadBase(embeddedBase)
  const tokenizer = tokenizerOf(base)
  const { reviews } = await readReviews(data)
  const labels = labelTokens(base.labelWords ?? {}, tokenizer)
  const { ids } = encodeAll(reviews.slice(0, SAMPLE), labels, tokenizer, { maxTokens: 512, side: 'left' }, base)
  return Int32Array.from(ids, ({ length }) => length)
}
