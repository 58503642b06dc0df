import { fail } from '../../core/errors.ts'

/** Describes an entry for errors. Control characters, which could affect a terminal, are escaped. */
export const describeEntry = (name: string): string =>
  `the entry ${JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)}`

/** @throws GraftError `archive_invalid` */
export function throwInvalidArchive(
  subject: string,
  expected: string,
  found: string,
  fix = "Pack the folder's own files, for example with tar -czf adapter.tar.gz -C FOLDER .",
): never {
  fail('archive_invalid', { subject, expected, found, fix })
}

/** @throws GraftError `archive_too_large` */
export function throwTooLarge(subject: string, expected: string, found: string): never {
  fail('archive_too_large', { subject, expected, found, fix: 'Leave out what the checkpoint does not need.' })
}
