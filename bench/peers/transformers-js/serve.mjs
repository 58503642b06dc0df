/**
 * transformers.js as a contestant of the int8 benchmark. It follows the protocol of ../int8_serve.py, which exports the
 * model. Each worker is a thread with a model of its own: a run blocks its thread.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const here = dirname(fileURLToPath(import.meta.url))
const [PAD, EOS] = [0n, 1n]
const MODEL = 't5-transformers-js'
const peakMegabytes = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024

if (isMainThread) await serve()
else await work(workerData)

async function serve() {
  let workers = []
  const reply = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line)
    if (message.quit) break
    try {
      if (workers.length === 0) {
        const job = { workers: 2, threads: 1, ...message }
        exportModel(job)
        workers = await Promise.all(Array.from({ length: job.workers }, () => startWorker(job)))
        const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
        reply({ ready: true, version: dependencies['@huggingface/transformers'] })
      } else reply(await runRound(workers, message.round))
    } catch (error) {
      reply({ error: String(error) })
      process.exitCode = 1
      break
    }
  }
  for (const worker of workers) await worker.terminate()
}

function exportModel(job) {
  const folder = join(job.folder, MODEL)
  if (existsSync(folder)) return
  const code =
    'import json, sys; sys.path.insert(0, sys.argv[1]); import int8_serve; ' +
    'int8_serve.export_transformers_js(json.loads(sys.argv[2]), sys.argv[3])'
  const python = join(here, '../.venv/bin/python')
  const args = ['-c', code, join(here, '..'), JSON.stringify(job), folder]
  const { status } = spawnSync(python, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error('the model could not be exported')
}

async function startWorker(job) {
  const worker = new Worker(new URL(import.meta.url), { workerData: job })
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  return worker
}

/** Classifies all batches; a worker takes the next one when it is done. */
async function runRound(workers, round) {
  const batches = round.map(draw)
  const start = performance.now()
  await Promise.all(
    workers.map(async (worker) => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        worker.postMessage(batch)
        await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  return { seconds, reviews: round.flat().length, loss: 0, peak_rss_mb: peakMegabytes() }
}

/** Returns random reviews of these lengths, padded to the longest. */
function draw(lengths) {
  const longest = Math.max(...lengths)
  const ids = new BigInt64Array(lengths.length * longest).fill(PAD)
  const mask = new BigInt64Array(ids.length)
  for (const [row, length] of lengths.entries())
    for (let i = 0; i < length; i++) {
      ids[row * longest + i] = i === length - 1 ? EOS : BigInt(2 + Math.floor(Math.random() * 29998))
      mask[row * longest + i] = 1n
    }
  return { ids, mask, shape: [lengths.length, longest] }
}

async function work(job) {
  const { AutoModelForSeq2SeqLM, env, Tensor } = await import('@huggingface/transformers')
  env.allowRemoteModels = false
  env.localModelPath = job.folder
  const model = await AutoModelForSeq2SeqLM.from_pretrained(MODEL, {
    dtype: 'q8',
    device: 'cpu',
    session_options: { intraOpNumThreads: job.threads, interOpNumThreads: 1 },
  })
  parentPort.on('message', async ({ ids, mask, shape }) => {
    const decoderIds = new BigInt64Array(shape[0]).fill(PAD)
    const { logits } = await model({
      input_ids: new Tensor('int64', ids, shape),
      attention_mask: new Tensor('int64', mask, shape),
      decoder_input_ids: new Tensor('int64', decoderIds, [shape[0], 1]),
    })
    parentPort.postMessage(logits.dims)
  })
  parentPort.postMessage('ready')
}
