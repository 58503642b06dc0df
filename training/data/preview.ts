import type { Example } from './check-row.ts'

/** The facts about a file that a user sees before it is stored. */
export interface Preview {
  /** The lengths of the texts, in characters (UTF-16 code units). */
  characters: { shortest: number; median: number; p90: number; longest: number }
  /** The first examples. Long texts are cut. */
  examples: Pick<Example, 'text' | 'label'>[]
}

const MAX_EXAMPLES = 6
const MAX_EXAMPLE_CHARACTERS = 300

/**
 * Collects a preview while a file is read. It keeps a count for each length that occurs, and a few texts. `finish`
 * takes the labels of the file: an example with another one has none after all.
 */
export function makePreview(): { add(example: Example): void; finish(labels: ReadonlyMap<string, number>): Preview } {
  const counts = new Map<number, number>()
  const examples: Preview['examples'] = []
  let rows = 0
  return {
    add({ text, label }) {
      rows++
      counts.set(text.length, (counts.get(text.length) ?? 0) + 1)
      if (examples.length < MAX_EXAMPLES) examples.push({ text: text.slice(0, MAX_EXAMPLE_CHARACTERS), label })
    },
    finish(labels) {
      const sorted = [...counts].sort(([a], [b]) => a - b)
      const lengthAt = (share: number): number => {
        let below = 0
        for (const [length, count] of sorted) {
          below += count
          if (below > share * (rows - 1)) return length
        }
        return 0
      }
      return {
        characters: { shortest: lengthAt(0), median: lengthAt(0.5), p90: lengthAt(0.9), longest: lengthAt(1) },
        examples: examples.filter(({ label }) => labels.has(label)),
      }
    },
  }
}
