import { fail } from '../core/errors.ts'
import { suggest } from './flags.ts'

/** The subcommands of a command, by name. */
export type Subcommands = Readonly<Record<string, (args: readonly string[]) => Promise<void>>>

/**
 * Runs the subcommand that the first argument names, with the other arguments.
 * @param defaultName the subcommand to run without an argument
 * @throws GraftError `usage` for an unknown subcommand
 */
export async function runSubcommand(
  subcommands: Subcommands,
  [name = '', ...args]: readonly string[],
  defaultName: string,
): Promise<void> {
  const requested = name || defaultName
  if (Object.hasOwn(subcommands, requested)) return subcommands[requested](args)
  fail('usage', {
    subject: requested,
    expected: `one of ${Object.keys(subcommands).join(', ')}`,
    found: 'an unknown subcommand',
    fix: `${suggest(requested, Object.keys(subcommands))}Add --help to see the subcommands.`,
  })
}

/** Returns the only argument of a subcommand. @throws GraftError `usage` if there is none or more than one */
export const requireArgument = (args: readonly string[], expected: string): string => requireCount(1, args, expected)[0]

/** Returns both arguments of a subcommand. @throws GraftError `usage` if there are not exactly two */
export const requireTwoArguments = (args: readonly string[], expected: string): readonly string[] =>
  requireCount(2, args, expected)

function requireCount(count: number, args: readonly string[], expected: string): readonly string[] {
  if (args.length === count) return args
  return fail('usage', {
    subject: 'the arguments',
    expected,
    found: args.length === 0 ? 'nothing' : args.join(' '),
    fix: 'Add --help to see the usage.',
  })
}
