import { fail } from '../../core/errors.ts'

/**
 * What only folders take: the store knows the base of its adapters, and the server its device.
 * @throws GraftError `usage`
 */
export function nothingBesideAdapter({ base, device }: { base?: string; device?: string }): void {
  for (const [flag, value] of Object.entries({ base, device }))
    if (value !== undefined && value !== 'cpu')
      fail('usage', {
        subject: `--${flag}`,
        expected: 'nothing of the kind beside --adapter',
        found: value,
        fix: 'The server decides it: graft serve --help.',
      })
}
