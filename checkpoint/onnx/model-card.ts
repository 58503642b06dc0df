import type { LabelReading } from './label-reading.ts'
import { READER, READER_FILE } from './reader.ts'

const sides = {
  left: 'the beginning of a longer text is dropped',
  right: 'the end of a longer text is dropped',
  middle: 'the middle of a longer text is dropped',
}

const EXAMPLE = `import { loadClassifier } from './${READER_FILE}'

const classify = await loadClassifier('./path/of/this/folder', { dtype: 'q8' })
console.log(await classify('A joy from start to finish.'))`

/** Returns the README of an exported folder. */
export function modelCard(
  base: string,
  method: string,
  { labels: { labels, words, tokens }, truncation, temperature }: LabelReading,
): string {
  const rows = labels.map((label, i) => `| ${cell(label)} | ${cell(words[label])} | ${tokens[i]} |`)
  return `---
library_name: transformers.js
tags:
  - text-classification
  - graft
---

# A text classifier

Graft made it from \`${base}\` with the method ${method}. transformers.js runs it in Node and in browsers:

\`\`\`js
${EXAMPLE}
\`\`\`

With \`dtype: 'fp32'\`, the weights are those of the adapter. With \`q8\`, they are rounded to int8, and the files have a
quarter of the size.

## How a label is read

The decoder reads its start token. The logit of each label is that of one token of its first output:

| label | word | token |
|---|---|---|
${rows.join('\n')}

These logits, divided by the temperature ${temperature}, become probabilities with softmax. The encoder reads at most
${truncation.maxTokens} tokens: ${sides[truncation.side]}. All of these settings are in \`config.json\`, under \`graft\`.
\`${READER_FILE}\` does it:

\`\`\`js
${READER}\`\`\`
`
}

/** Returns a text for a cell of a table. */
const cell = (text: string): string => `\`${text.replaceAll('|', '\\|').replaceAll('`', "'")}\``
