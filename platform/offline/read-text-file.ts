import { readExamples } from '../../training/data/examples.ts'

/** Returns the texts of a file in any format that training reads. Labels are optional. */
export async function readTextFile(path: string): Promise<string[]> {
  const { examples } = await readExamples(path, { unlabelled: true })
  return examples.map(({ text }) => text)
}
