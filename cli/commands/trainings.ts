import { z } from 'zod'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Command } from '../command.ts'
import { accuracyOf, progressOf, trainingLines } from '../lines/training.ts'
import { print, table } from '../output.ts'
import { progressTo } from '../progress.ts'
import { required } from '../required.ts'
import { allPages, getJson, postJson } from '../store/api.ts'
import { followToEnd } from '../store/follow-to-end.ts'
import { doVerb, oneWord } from '../store/verbs.ts'
import { withApi } from '../store/with-api.ts'

const flags = { threads: z.int().positive().optional().describe('resume, follow: where this process trains itself') }

export const trainings: Command = {
  summary: 'List the trainings of the store; follow, pause, resume and cancel them.',
  usage: 'trainings [list | show NAME | follow NAME | pause NAME | resume NAME | cancel NAME]',
  about: `Works on the store: through the server that serves GRAFT_HOME (or GRAFT_URL) where one runs; its workers train. Where none runs, this process trains
while it follows or resumes. A NAME is that of the adapter, whose newest training is meant, or the id
of the training.`,
  examples: ['graft trainings', 'graft trainings follow film', 'graft trainings pause film'],
  flags: { Trainings: flags },
  positionals: true,
  async run({ json, ...values }, words) {
    const { threads } = required(flags, values)
    const worker = ['follow', 'resume'].includes(words[0])
    await withApi(
      async (api) => {
        const addressOf = (rest: readonly string[]) =>
          `/v1/trainings/${encodeURIComponent(oneWord(rest, 'the id or name of a training'))}`
        const move = (verb: string) => async (rest: readonly string[]) => {
          const training = await postJson<Training>(api, `${addressOf(rest)}/${verb}`)
          print(json, training, trainingLines(training))
        }
        await doVerb(
          {
            list: async () => {
              const data = await Array.fromAsync(allPages<Training>(api, '/v1/trainings'))
              print(json, { data }, data.length > 0 ? listed(data) : ['There is no training yet.'])
            },
            show: async (rest) => {
              const training = await getJson<Training>(api, addressOf(rest))
              print(json, training, trainingLines(training))
            },
            follow: async (rest) => {
              const training = await followToEnd(api, (await getJson<Training>(api, addressOf(rest))).id, progressTo())
              print(json, training, trainingLines(training))
            },
            pause: move('pause'),
            cancel: move('cancel'),
            resume: async (rest) => {
              const queued = await postJson<Training>(api, `${addressOf(rest)}/resume`)
              const training = api.url ? queued : await followToEnd(api, queued.id, progressTo())
              print(json, training, trainingLines(training))
            },
          },
          words,
          'list',
        )
      },
      { worker, threads },
    )
  },
}

function listed(data: readonly Training[]): string[] {
  return table([
    ['id', 'name', 'status', 'method', 'steps', 'accuracy', 'launched'],
    ...data.map((training) => [
      training.id,
      training.name ?? '-',
      training.pausing ? 'pausing' : training.status,
      training.method,
      progressOf(training),
      accuracyOf(training),
      training.created_at.slice(0, 16).replace('T', ' '),
    ]),
  ])
}
