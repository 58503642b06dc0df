/**
 * Trains on real reviews by invocations of the training function only: once undisturbed, and once killed at random
 * moments, and checks that both adapters have the same bytes. Then predicts with the other function. Prints the seconds
 * of processor time, from which docs/deploying.md computes costs. Needs PostgreSQL, as the tests do.
 *
 *   npm run bench -- functions [--reviews 2000] [--kills 5] [--seed 1] [--requests 200]
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createGunzip } from 'node:zlib'
import { makeRandom } from '../core/random.ts'
import { openPlatform } from '../platform/open-platform.ts'
import { selectAdapter } from '../platform/store/adapters.ts'
import { uploadDataset } from '../platform/use-cases/datasets.ts'
import { createKey } from '../platform/use-cases/keys.ts'
import { getTraining, launchTraining } from '../platform/use-cases/trainings.ts'
import { createDeployment } from './deployment.ts'
import { httpEvent, startInstance } from './function-platform.ts'
import { cpuSecondsOf, type InvocationLog, invokeUntilDone } from './invoke-until-done.ts'
import { createScratchDatabase } from './scratch-database.ts'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    reviews: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '200' },
    data: { type: 'string', default: process.env.GRAFT_IMDB ?? '../shared/data/imdb' },
  },
})
const { uniform } = makeRandom(Number(values.seed), 'kills')
const CALLER = { owner: '', scopes: ['admin' as const] }
/** The platform's limit, and a shorter one that a training on a fast machine meets, too. */
const [LONGEST_SECONDS, SHORT_SECONDS] = [900, 100]
/** The reviews of a request of many. */
const BATCH = 32

const root = mkdtempSync(join(tmpdir(), 'graft-functions-'))
chmodSync(root, 0o755)
const deployment = createDeployment()
const database = await createScratchDatabase(true)
const artifacts = join(root, 'artifacts')
const platform = await openPlatform({ databaseUrl: database.url, artifacts, home: join(root, 'home'), threads: 1 })
try {
  const train = await readReviews('train', Number(values.reviews))
  const test = await readReviews('test', 500)
  await upload('train', train)
  await upload('test', test)
  const undisturbed = await trainByInvocations('undisturbed', LONGEST_SECONDS, 0)
  const killed = await trainByInvocations('killed', SHORT_SECONDS, Number(values.kills))
  if (killed !== undisturbed) throw new Error(`the bytes differ: ${undisturbed} and ${killed}`)
  console.log(`both adapters have the SHA-256 ${killed}`)
  await measurePredictions(test)
} finally {
  await platform.close()
  await database.remove()
  deployment.remove()
  rmSync(root, { recursive: true, force: true })
}

/** Launches a training and invokes the function until it has ended. @returns the digest of the adapter */
async function trainByInvocations(name: string, timeoutSeconds: number, kills: number): Promise<string> {
  const request = { name, dataset: 'train', test_dataset: 'test', method: 'lora', threads: 1, device: 'cpu' }
  const { id } = await launchTraining(platform, request as Parameters<typeof launchTraining>[1], CALLER)
  const log = await invokeUntilDone({
    start: () => startInstance(deployment, freshEnv(), { handler: 'train', timeoutSeconds }),
    killWhen: (log) =>
      log.filter(({ result }) => result === undefined).length < kills ? sleep(5000 + 35_000 * uniform()) : undefined,
    async isDone(log) {
      process.stderr.write(`${JSON.stringify(log.at(-1))}\n`)
      // The next invocation of a schedule comes later, too. A killed training is taken again after 8 seconds.
      if (!log.at(-1)?.result?.worked) await sleep(2000)
      return !['queued', 'running'].includes((await getTraining(platform, id)).status)
    },
  })
  const { status, error, result } = await getTraining(platform, id)
  if (status !== 'succeeded') throw new Error(JSON.stringify(error))
  printTraining(name, log, result?.accuracy as number | undefined)
  return (await selectAdapter(platform.store.db, name)).digest
}

function printTraining(name: string, log: readonly InvocationLog[], accuracy: number | undefined): void {
  const sum = (numbers: (number | undefined)[]) => numbers.reduce<number>((total, number = 0) => total + number, 0)
  const idle = log.filter(({ result }) => result?.worked === false)
  console.log(
    `training, ${name}: ${values.reviews} reviews, accuracy ${accuracy} on 500 others; ${log.length} invocations, ` +
      `${log.filter(({ result }) => result === undefined).length} of them killed and ${idle.length} with nothing to do; ` +
      `${sum(log.map(({ seconds }) => seconds)).toFixed(0)} s, ` +
      `${sum(log.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1)} s of processor time without the killed ones` +
      (idle.length > 0
        ? `, ${(sum(idle.map(({ cpuSeconds }) => cpuSeconds)) / idle.length).toFixed(2)} s for one with nothing to do`
        : ''),
  )
}

/** Measures the processor time of a start and of requests with one review and with many. */
async function measurePredictions(reviews: readonly string[]): Promise<void> {
  const { secret } = await createKey(platform, { name: 'bench', scopes: ['admin'] })
  const instance = await startInstance(deployment, freshEnv())
  const texts = reviews.map((line) => (JSON.parse(line) as { text: string }).text)
  const predict = async (inputs: readonly string[]) => {
    const body = JSON.stringify({ inputs, adapter: 'undisturbed' })
    const headers = { authorization: `Bearer ${secret}` }
    const { statusCode } = await instance.invoke(httpEvent('POST', '/v1/predictions', { headers, body }))
    if (statusCode !== 200) throw new Error(`expected status 200, but found ${statusCode}`)
  }
  await predict(texts.slice(0, 1))
  const started = cpuSecondsOf(instance.pid)
  const requests = Number(values.requests)
  for (let i = 0; i < requests; i++) await predict([texts[i % texts.length]])
  const single = cpuSecondsOf(instance.pid)
  let rows = 0
  for (let i = 0; i + BATCH <= texts.length; i += BATCH, rows += BATCH) await predict(texts.slice(i, i + BATCH))
  const batched = cpuSecondsOf(instance.pid)
  await instance.end()
  console.log(
    `predictions, seconds of processor time: ${started.toFixed(2)} for the start and the first; ` +
      `${((single - started) / requests).toFixed(4)} for each request of one review; ` +
      `${((batched - single) / rows).toFixed(4)} for each review of requests of ${BATCH}`,
  )
}

/** Returns the first lines of a file of reviews, of which every second one is positive. */
async function readReviews(name: string, count: number): Promise<string[]> {
  const byLabel = new Map<string, string[]>()
  const lines = createInterface(createReadStream(join(values.data, `${name}.jsonl.gz`)).pipe(createGunzip()))
  for await (const line of lines) {
    const { label } = JSON.parse(line) as { label: string }
    const known = byLabel.get(label) ?? []
    byLabel.set(label, known)
    if (known.length < count / 2) known.push(line)
  }
  const [first, second] = [...byLabel.values()]
  return first.flatMap((line, i) => [line, second[i]])
}

async function upload(name: string, lines: readonly string[]): Promise<void> {
  const content = (async function* () {
    yield Buffer.from(lines.join('\n'))
  })()
  await uploadDataset(platform, { name }, content, new AbortController().signal)
}

/** Returns the environment of an instance on a new machine. */
function freshEnv(): Record<string, string> {
  const home = mkdtempSync(join(root, 'instance-'))
  mkdirSync(artifacts, { recursive: true })
  if (process.getuid?.() === 0) spawnSync('chown', ['-R', '1000:1000', home, artifacts])
  return { DATABASE_URL: database.url, GRAFT_ARTIFACTS: artifacts, GRAFT_HOME: home, TMPDIR: home }
}
