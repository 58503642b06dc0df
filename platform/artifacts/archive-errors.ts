import { fail } from '../../core/errors.ts'

/** How errors name an entry; what could confuse a terminal is escaped. */
export const entryNamed = (name: string): string =>
  `the entry ${JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)}`

/** @throws GraftError `archive_invalid` */
export function invalid(
  subject: string,
  expected: string,
  found: string,
  fix = "Pack the folder's own files, by tar -czf adapter.tar.gz -C FOLDER . for example.",
): never {
  fail('archive_invalid', { subject, expected, found, fix })
}

/** @throws GraftError `archive_too_large` */
export function tooLarge(subject: string, expected: string, found: string): never {
  fail('archive_too_large', { subject, expected, found, fix: 'Leave out what the checkpoint does not need.' })
}
