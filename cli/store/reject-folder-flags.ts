import { fail } from '../../core/errors.ts'

/**
 * Rejects flags that apply only to --checkpoint: the store knows the base of its adapters, and the server has its own
 * device.
 * @throws GraftError `usage`
 */
export function rejectFolderFlags({ base, device }: { base?: string; device?: string }): void {
  for (const [flag, value] of Object.entries({ base, device }))
    if (value !== undefined && value !== 'cpu')
      fail('usage', {
        subject: `--${flag}`,
        problem: 'cannot be combined with --adapter',
        fix: 'Leave it out. It is an option of the server. See graft serve --help.',
      })
}
