import { z } from 'zod'
import { catalogue } from '../core/catalogue.ts'
import { describeProblem, fail, toPlain } from '../core/errors.ts'
import type { Command } from './command.ts'
import { parseFlags, suggest } from './flags.ts'
import { formatHelp, formatOverview } from './help.ts'

/** The loaders of the commands. A command is loaded only when it is called, without the dependencies of the others. */
const loaders: Record<string, () => Promise<Command>> = {
  quickstart: async () => (await import('./commands/quickstart.ts')).quickstart,
  train: async () => (await import('./commands/train.ts')).train,
  pretrain: async () => (await import('./commands/pretrain.ts')).pretrain,
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluate,
  compare: async () => (await import('./commands/compare.ts')).compare,
  sweep: async () => (await import('./commands/sweep.ts')).sweep,
  reproduce: async () => (await import('./commands/reproduce.ts')).reproduce,
  predict: async () => (await import('./commands/predict.ts')).predict,
  parameters: async () => (await import('./commands/parameters.ts')).parameters,
  serve: async () => (await import('./commands/serve.ts')).serve,
  adapters: async () => (await import('./commands/adapters.ts')).adapters,
  aliases: async () => (await import('./commands/aliases.ts')).aliases,
  trainings: async () => (await import('./commands/trainings.ts')).trainings,
  datasets: async () => (await import('./commands/datasets.ts')).datasets,
  mcp: async () => (await import('./commands/mcp.ts')).mcp,
  worker: async () => (await import('./commands/worker.ts')).worker,
  key: async () => (await import('./commands/key.ts')).key,
  devices: async () => (await import('./commands/devices.ts')).devices,
  probe: async () => (await import('./commands/probe.ts')).probe,
}

const commonFlags = {
  json: z.boolean().describe('Print one JSON document, even for an error.'),
  help: z.boolean().describe('Show this help.'),
}

async function main([name, ...argv]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === 'help') {
    const commands = await Promise.all(Object.entries(loaders).map(async ([key, get]) => [key, await get()] as const))
    process.stdout.write(formatOverview(Object.fromEntries(commands)))
    return
  }
  if (!Object.hasOwn(loaders, name))
    fail('usage', {
      subject: name,
      expected: `one of ${Object.keys(loaders).join(', ')}`,
      found: 'an unknown command',
      fix: `${suggest(name, Object.keys(loaders))}See graft --help.`,
    })
  const command = await loaders[name]()
  const flags = { ...command.flags, 'Common flags': commonFlags }
  if (argv.includes('--help')) {
    process.stdout.write(formatHelp({ ...command, flags }))
    return
  }
  const { values, positionals } = parseFlags(argv, Object.assign({}, ...Object.values(flags)), command)
  await command.run(values, positionals)
}

/** Prints an error to stderr, or with --json as a JSON document to stdout. */
function printError(error: unknown, json: boolean): void {
  const plain = toPlain(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: plain })}\n`)
  else process.stderr.write(`graft: ${plain.title}.\n  ${describeProblem(plain)}\n  ${plain.fix}\n`)
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
