/** The label of rows without one in exports of GLUE and of Hugging Face, whose classes are 0, 1, 2, … */
export const NO_LABEL = '-1'

export const NO_LABEL_REASON =
  'no label (-1 marks rows without a label if the classes are 0, 1, …; if it is a class, give it another name)'

/** Returns whether -1 means that there is no label, by the other labels of a file: 0 and other numbers from 0 on. */
export function isNoLabelMarker(labels: ReadonlyMap<string, number>): boolean {
  if (!labels.has(NO_LABEL)) return false
  const others = [...labels.keys()].filter((label) => label !== NO_LABEL)
  return others.length === 0 || (labels.has('0') && others.every((label) => /^\d+$/.test(label)))
}
