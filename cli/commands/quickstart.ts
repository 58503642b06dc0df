import { join } from 'node:path'
import { z } from 'zod'
import { requireSuccess } from '../../client/http.ts'
import { packageRoot } from '../../core/entry.ts'
import { ignoreErrors } from '../../core/errors.ts'
import { READY_ADAPTER } from '../../platform/offline/bases.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatPercent } from '../output.ts'
import { formatDuration, makeProgress, type Progress } from '../progress.ts'
import { serveUntilStopped } from '../serve-until-stopped.ts'
import { defaultLogFormat, logFlag } from '../server-log.ts'
import type { Api } from '../store/api.ts'
import { ensureDataset } from '../store/datasets.ts'
import { followTraining } from '../store/follow.ts'

const flags = {
  port: z.int().min(0).max(65535).default(8080).describe('Port to listen on. 0 picks a free one.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
  log: logFlag,
}

/** The adapter that is trained here, as an example. */
const ADAPTER_NAME = 'quickstart'
const SAMPLES = 390

/**
 * Enough passes to learn what so few reviews teach. More make the adapter certain of what it remembers; the held-out
 * reviews show how certain it may be of others.
 */
const SETTINGS = { epochs: 4, batch_tokens: 1024, calibration_rows: 100 }

export const quickstart: Command = {
  summary: 'Serve the adapter for film reviews, and train another one on sample reviews',
  usage: 'quickstart [--port N] [--threads N] [--log FORMAT]',
  about: `The adapter ${READY_ADAPTER} comes with Graft and answers at once. The example ${ADAPTER_NAME} is trained beside it, which takes
less than a minute. Everything is kept in .graft (set GRAFT_HOME for another folder). An interrupted training
continues.`,
  examples: ['graft quickstart'],
  flags: { Flags: flags },
  async run({ json: _, ...values }) {
    const progress = makeProgress()
    const { log = defaultLogFormat(), ...chosen } = checkFlags(flags, values)
    // As text, the log would repeat what the progress of the training shows.
    const options = { ...chosen, log, logsWork: log === 'json', progress, host: '127.0.0.1', worker: true }
    await serveUntilStopped(options, async (url, platform) => {
      const { makeLocalApi } = await import('../store/local-api.ts')
      const api = await makeLocalApi(platform)
      process.stdout.write(`${url}\n`)
      if ((await findAdapter(api, READY_ADAPTER))?.base === platform.bases[0].name)
        progress.writeLine(
          `The adapter ${READY_ADAPTER} comes with Graft and was trained on 25,000 film reviews. Try it:\n  ${curl(url, READY_ADAPTER)}`,
        )
      progress.writeLine(`API documentation: ${url}/docs\n`)
      if (await ensureAdapter(api, platform.bases[0].name, progress))
        progress.writeLine(`Try it:\n  ${curl(url, ADAPTER_NAME)}`)
    })
  },
}

const curl = (url: string, adapter: string): string =>
  `curl ${url}/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy from start to finish.", "I did not like it at all."], "adapter": "${adapter}"}'`

const findAdapter = (api: Api, name: string): Promise<Adapter | undefined> =>
  api.adapters.get(name).catch(ignoreErrors('adapter_unknown'))

/** Trains the adapter if it does not exist, or continues its training. Returns true if the server can use it. */
async function ensureAdapter(api: Api, base: string, progress: Progress): Promise<boolean> {
  const known = await findAdapter(api, ADAPTER_NAME)
  if (known) {
    const isUsable = known.base === base
    const state = isUsable ? 'is there already' : `was trained on another base, ${known.base}`
    progress.writeLine(
      `The example ${ADAPTER_NAME} ${state}. To train it again, remove it first: graft adapters remove ${ADAPTER_NAME}`,
    )
    return isUsable
  }
  const { id } = (await findUnfinished(api)) ?? (await launch(api, progress))
  const training = await followTraining(api, id, progress, new AbortController().signal)
  requireSuccess(training)
  const { metrics, seconds } = training.result as { metrics: { accuracy: number; n: number }; seconds: number }
  progress.writeLine(
    `Trained ${ADAPTER_NAME} in ${formatDuration(seconds)}: ${formatPercent(metrics.accuracy)} of ${metrics.n} test reviews are classified correctly. The samples are few and hard; ${READY_ADAPTER} is the one to use.`,
  )
  return true
}

async function findUnfinished(api: Api): Promise<Training | undefined> {
  const known = await api.trainings.get(ADAPTER_NAME).catch(ignoreErrors('training_unknown'))
  if (known?.status === 'paused') return api.trainings.resume(known.id)
  return known && isActive(known) ? known : undefined
}

async function launch(api: Api, progress: Progress): Promise<Training> {
  progress.writeLine(
    `Training the example ${ADAPTER_NAME}, a LoRA adapter, on ${SAMPLES - SETTINGS.calibration_rows} sample reviews; ${SETTINGS.calibration_rows} more calibrate its probabilities …`,
  )
  const sample = (name: string) => ensureDataset(api, join(packageRoot, 'samples', `${name}.jsonl`))
  const [train, test] = [await sample('train'), await sample('test')]
  return api.trainings.launch({
    name: ADAPTER_NAME,
    method: 'lora',
    dataset: train.id,
    test_dataset: test.id,
    ...SETTINGS,
  })
}
