import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot } from '../../core/entry.ts'
import { ignoreErrors } from '../../core/errors.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { isActive } from '../../platform/schemas/statuses.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { formatPercent } from '../output.ts'
import { formatDuration, makeProgress, type Progress } from '../progress.ts'
import { serveUntilStopped } from '../serve-until-stopped.ts'
import { type Api, getJson, postJson, requireSuccess } from '../store/api.ts'
import { ensureDataset } from '../store/datasets.ts'
import { followTraining } from '../store/follow.ts'

const flags = {
  port: z.int().min(0).max(65535).default(8080).describe('Port to listen on. 0 picks a free one.'),
  threads: z.int().positive().optional().describe('Number of threads. Defaults to one per core.'),
}

const ADAPTER_NAME = 'quickstart'

export const quickstart: Command = {
  summary: 'Train a LoRA adapter on sample reviews and serve it',
  usage: 'quickstart [--port N] [--threads N]',
  about: `Trains on the embedded base. Everything is kept in .graft (set GRAFT_HOME for another folder). If the
adapter exists already, it is served at once. An interrupted training continues.`,
  examples: ['graft quickstart'],
  flags: { Flags: flags },
  async run({ json: _, ...values }) {
    const options = { ...checkFlags(flags, values), host: '127.0.0.1', worker: true }
    const progress = makeProgress()
    await serveUntilStopped(options, async (url, platform) => {
      const { makeLocalApi } = await import('../store/local-api.ts')
      await ensureAdapter(await makeLocalApi(platform), progress)
      process.stdout.write(`${url}\n`)
      progress.writeLine(
        `Try it:\n  curl ${url}/v1/predictions -H 'content-type: application/json' -d '{"inputs": ["A joy from start to finish.", "Two hours I want back."], "adapter": "${ADAPTER_NAME}"}'\nAPI documentation: ${url}/docs`,
      )
    })
  },
}

/** Trains the adapter if it does not exist, or continues its training. */
async function ensureAdapter(api: Api, progress: Progress): Promise<void> {
  if (await getJson<Adapter>(api, `/v1/adapters/${ADAPTER_NAME}`).catch(ignoreErrors('adapter_unknown'))) {
    progress.writeLine(
      `Serving the adapter ${ADAPTER_NAME}. To train it again, remove it first: graft adapters remove ${ADAPTER_NAME}`,
    )
    return
  }
  const { id } = (await findUnfinished(api)) ?? (await launch(api, progress))
  const training = await followTraining(api, id, progress, new AbortController().signal)
  requireSuccess(training)
  const { metrics, seconds } = training.result as { metrics: { accuracy: number; n: number }; seconds: number }
  progress.writeLine(
    `Trained in ${formatDuration(seconds)}: ${formatPercent(metrics.accuracy)} of ${metrics.n} test reviews are classified correctly.`,
  )
  progress.writeLine('These reviews are few and short. See docs/benchmarks.md for results on 25,000 real reviews.')
}

async function findUnfinished(api: Api): Promise<Training | undefined> {
  const known = await getJson<Training>(api, `/v1/trainings/${ADAPTER_NAME}`).catch(ignoreErrors('training_unknown'))
  if (known?.status === 'paused') return postJson(api, `/v1/trainings/${known.id}/resume`)
  return known && isActive(known) ? known : undefined
}

async function launch(api: Api, progress: Progress): Promise<Training> {
  progress.writeLine('Training a LoRA adapter on 390 sample reviews …')
  const sample = (name: string) => ensureDataset(api, join(packageRoot, 'samples', `${name}.jsonl`))
  const [train, test] = [await sample('train'), await sample('test')]
  return postJson<Training>(api, '/v1/trainings', {
    name: ADAPTER_NAME,
    method: 'lora',
    dataset: train.id,
    test_dataset: test.id,
    epochs: 8,
    batch_tokens: 1024,
  })
}
