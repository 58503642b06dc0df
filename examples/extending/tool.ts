// An MCP tool: tally_reviews counts the labels of reviews.

import { defineTool, READ_ONLY } from '../../mcp/tool.ts'
import { exactObject } from '../../platform/schemas/common.ts'
import { tally, tallyRequest, tallyTexts } from './tally.ts'

// #region tool
const { texts, adapter } = tallyRequest.shape

export const tallyReviews = defineTool({
  name: 'tally_reviews',
  title: 'Count labels',
  description: 'Count how many reviews have each label. Call it instead of classify_reviews if only the totals matter.',
  input: exactObject({ reviews: texts, adapter }),
  output: tally,
  scope: 'predict',
  annotations: READ_ONLY,
  example: { reviews: ['A joy from start to finish.', 'Two hours I want back.'], adapter: 'film-lora' },
  async run(platform, { reviews, adapter }, { signal, recordRows }) {
    const structured = await tallyTexts(platform, { texts: reviews, adapter }, signal)
    recordRows(reviews.length)
    const counts = Object.entries(structured.counts).map(([label, count]) => `${count} ${label}`)
    return { structured, summary: `${[...counts, `${structured.failed} failed`].join(', ')}.` }
  },
})
// #endregion
