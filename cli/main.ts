import { z } from 'zod'
import { catalogue } from '../core/catalogue.ts'
import { fail, formatError } from '../core/errors.ts'
import { toPlain } from '../core/to-plain.ts'
import { readVersion } from '../core/version.ts'
import type { Command } from './command.ts'
import { formatCompletion } from './completion.ts'
import { parseFlags, suggest } from './flags.ts'
import { formatHelp, formatOverview } from './help.ts'
import { loadAll, loaders } from './loaders.ts'

const commonFlags = {
  json: z.boolean().describe('Print one JSON document, even for an error.'),
  help: z.boolean().describe('Show this help.'),
}

async function main([name, ...argv]: readonly string[]): Promise<void> {
  if (name === '--version') return print(`${await readVersion()}\n`)
  if (name === 'completion') return print(formatCompletion(argv, await loadAll()))
  if (name === undefined || name === '--help' || (name === 'help' && argv.length === 0))
    return print(formatOverview(await loadAll()))
  if (name === 'help') return main([argv[0], '--help'])
  const command = await findCommand(name)
  const flags = { ...command.flags, 'Common flags': commonFlags }
  if (argv.includes('--help')) return print(formatHelp({ ...command, flags }))
  const { values, positionals } = parseFlags(argv, Object.assign({}, ...Object.values(flags)), command)
  await command.run(values, positionals)
}

function print(text: string): void {
  process.stdout.write(text)
}

/** @throws GraftError `usage` for a name that is not a command */
async function findCommand(name: string): Promise<Command> {
  if (Object.hasOwn(loaders, name)) return loaders[name]()
  const known = Object.keys(loaders)
  return fail('usage', {
    subject: name,
    expected: `one of ${known.join(', ')}`,
    found: 'an unknown command',
    fix: `${suggest(name, [...known, 'help', 'completion'])}See graft --help.`,
  })
}

/** Prints an error to stderr, or with --json as a JSON document to stdout. */
function printError(error: unknown, json: boolean): void {
  const plain = toPlain(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: plain })}\n`)
  else process.stderr.write(formatError(plain))
  if (plain.code === 'internal' && process.env.GRAFT_DEBUG) console.error(error)
  process.exitCode = catalogue[plain.code].exit
}

// A reader that closes the pipe early, such as `| head`, is not an error, and must not stop a training.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

const argv = process.argv.slice(2)
main(argv).catch((error) => printError(error, argv.includes('--json')))
