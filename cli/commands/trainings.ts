import { z } from 'zod'
import type { Training } from '../../platform/schemas/trainings.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatAccuracy, formatSteps, formatTraining } from '../lines/training.ts'
import { formatTable, formatTime, printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
import { followToEnd } from '../store/follow-to-end.ts'
import { withApi } from '../store/with-api.ts'
import { requireArgument, runSubcommand } from '../subcommands.ts'

const flags = {
  threads: z.int().positive().optional().describe('For follow and resume: number of threads if this process trains.'),
}

export const trainings: Command = {
  summary: 'List, follow, pause, resume and cancel trainings',
  usage: 'trainings [list | show NAME | follow NAME | pause NAME | resume NAME | cancel NAME]',
  about: `These commands use the store through the server at GRAFT_URL or the server of GRAFT_HOME, or directly
if no server is running. In that case, follow and resume run the training in this process. NAME is the
id of a training, or the name of an adapter, which means its newest training.`,
  examples: ['graft trainings', 'graft trainings follow mine', 'graft trainings pause mine'],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const { threads } = checkFlags(flags, values)
    const worker = ['follow', 'resume'].includes(positionals[0])
    await withApi(
      async (api) => {
        const nameIn = (args: readonly string[]) => requireArgument(args, 'the id or name of a training')
        const transition = (verb: 'pause' | 'cancel') => async (args: readonly string[]) => {
          const training = await api.trainings[verb](nameIn(args))
          printResult(json, training, formatTraining(training))
        }
        await runSubcommand(
          {
            list: async () => {
              const data = await Array.fromAsync(api.trainings.list())
              printResult(json, { data }, data.length > 0 ? formatTrainings(data) : ['No trainings yet.'])
            },
            show: async (args) => {
              const training = await api.trainings.get(nameIn(args))
              printResult(json, training, formatTraining(training))
            },
            follow: async (args) => {
              const training = await followToEnd(api, (await api.trainings.get(nameIn(args))).id, makeProgress())
              printResult(json, training, formatTraining(training))
            },
            pause: transition('pause'),
            cancel: transition('cancel'),
            resume: async (args) => {
              const queued = await api.trainings.resume(nameIn(args))
              const training = api.url ? queued : await followToEnd(api, queued.id, makeProgress())
              printResult(json, training, formatTraining(training))
            },
          },
          positionals,
          'list',
        )
      },
      { worker, threads },
    )
  },
}

function formatTrainings(data: readonly Training[]): string[] {
  return formatTable([
    ['id', 'name', 'status', 'method', 'steps', 'accuracy', 'launched'],
    ...data.map((training) => [
      training.id,
      training.name ?? '-',
      training.pausing ? 'pausing' : training.status,
      training.method,
      formatSteps(training),
      formatAccuracy(training),
      formatTime(training.created_at),
    ]),
  ])
}
