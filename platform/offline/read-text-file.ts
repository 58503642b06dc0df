import { readReviews } from '../../training/data/examples.ts'

/** The texts of a file in any format that training reads; labels are not needed. */
export async function readTexts(path: string): Promise<string[]> {
  const { reviews } = await readReviews(path, { unlabelled: true })
  return reviews.map(({ text }) => text)
}
