import { z } from 'zod'
import { catalogue } from '../core/catalogue.ts'
import { describeProblem, fail, toPlain } from '../core/errors.ts'
import type { Command } from './command.ts'
import { parseFlags } from './flags.ts'
import { helpOf, overview } from './help.ts'

/** Each command is loaded when it is called, so that one does not wait for what only another needs. */
const load: Record<string, () => Promise<Command>> = {
  quickstart: async () => (await import('./commands/quickstart.ts')).quickstart,
  train: async () => (await import('./commands/train.ts')).train,
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluate,
  compare: async () => (await import('./commands/compare.ts')).compare,
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

const common = {
  json: z.boolean().describe('print one JSON document, errors included'),
  help: z.boolean().describe('this text'),
}

async function main([name, ...argv]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === 'help') {
    const commands = await Promise.all(Object.entries(load).map(async ([key, get]) => [key, await get()] as const))
    process.stdout.write(overview(Object.fromEntries(commands)))
    return
  }
  if (!Object.hasOwn(load, name))
    fail('usage', {
      subject: name,
      expected: `one of ${Object.keys(load).join(', ')}`,
      found: 'no command of Graft',
      fix: 'See graft --help.',
    })
  const command = await load[name]()
  const flags = { ...command.flags, Common: common }
  if (argv.includes('--help')) {
    process.stdout.write(helpOf({ ...command, flags }))
    return
  }
  const { values, positionals } = parseFlags(argv, Object.assign({}, ...Object.values(flags)), command)
  await command.run(values, positionals)
}

/** The same error for people and, with --json, for programs. */
function report(error: unknown, json: boolean): void {
  const plain = toPlain(error)
  if (json) process.stdout.write(`${JSON.stringify({ error: plain })}\n`)
  else process.stderr.write(`graft: ${plain.title}.\n  ${describeProblem(plain)}\n  ${plain.fix}\n`)
  if (plain.code === 'internal' && process.env.GRAFT_DEBUG) console.error(error)
  process.exitCode = catalogue[plain.code].exit
}

// A reader that has seen enough, `| head` say, is no failure, and least of all that of a training whose progress it read.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })

const argv = process.argv.slice(2)
main(argv).catch((error) => report(error, argv.includes('--json')))
