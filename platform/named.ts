import { fail, GraftError } from '../core/errors.ts'

/**
 * Does something with a file of this machine on behalf of a caller, who knows it by another name: errors shall speak of that.
 * @throws what `work` throws
 */
export async function named<T>(path: string, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    const { subject, expected, found, mend } = error.detail
    const plainly = (text: string) => text.replaceAll(`${path}/`, `${name}, `).replaceAll(path, name)
    return fail(
      error.code,
      { subject: plainly(subject), expected: plainly(expected), found: plainly(found), mend: plainly(mend) },
      error,
    )
  }
}
