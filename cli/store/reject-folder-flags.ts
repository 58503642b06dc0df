import { fail } from '../../core/errors.ts'

/**
 * Rejects flags that apply only to --checkpoint: the store knows the base of its adapters, and the server has its own
 * device and precision.
 * @throws GraftError `usage`
 */
export function rejectFolderFlags(flags: { base?: string; device?: string; precision?: string }): void {
  for (const [flag, value] of Object.entries(flags))
    if (value !== undefined && value !== 'cpu' && value !== 'f32')
      fail('usage', {
        subject: `--${flag}`,
        problem: 'cannot be combined with --adapter',
        fix: 'Leave it out. It is an option of the server. See graft serve --help.',
      })
}
