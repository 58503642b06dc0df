import { loadBase } from '../checkpoint/base.ts'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { modelOf } from '../model/architectures.ts'
import { readExamples } from '../training/data/examples.ts'
import { tokenizeExamples, tokenizerOf } from '../training/data/prepare.ts'

/** The number of reviews that are measured. */
const SAMPLE_SIZE = 3000

/** Returns the token counts of real reviews, truncated to 512, by the tokenizer of the embedded base. */
export async function reviewLengths(data: string): Promise<Int32Array> {
  const base = await loadBase(embeddedBase)
  const tokenizer = tokenizerOf(base)
  const { examples } = await readExamples(data)
  const labels = modelOf(base).labelTokens(base.labelWords ?? {}, tokenizer)
  const { ids } = tokenizeExamples(
    examples.slice(0, SAMPLE_SIZE),
    labels,
    tokenizer,
    { maxTokens: 512, side: 'left' },
    modelOf(base),
  )
  return Int32Array.from(ids, ({ length }) => length)
}
