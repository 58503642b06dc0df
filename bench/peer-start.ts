/**
 * Compares the time from the start of a process to its first prediction, in int8, on T5-small's shape: `graft predict`,
 * to its end, and processes with ONNX Runtime and CTranslate2. Weights are random. Runs are interleaved.
 *
 *   npm run bench -- peer-start [--runs 5]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { embeddedBase } from '../checkpoint/embedded-base.ts'
import { packageRoot } from '../core/entry.ts'
import { startContestant } from './contestant.ts'
import { peersPython, requirePeers } from './peers-python.ts'
import { formatRange } from './quantiles.ts'
import { T5_SMALL } from './random-model.ts'
import { startTable } from './table.ts'

const { values } = parseArgs({ args: process.argv.slice(3), options: { runs: { type: 'string', default: '5' } } })

requirePeers()
const models = 'bench/peers/.venv/models'
mkdirSync(models, { recursive: true })
/** The model that the peer of CTranslate2 converts, in Hugging Face's layout. */
const base = join(models, 't5-ct2.hf')
const folder = mkdtempSync(join(tmpdir(), 'graft-peer-start-'))
const adapter = join(folder, 'film')
const text = 'A joy from start to finish.'

const graft = (...args: string[]): void => {
  const { status, stderr } = spawnSync(process.execPath, [join(packageRoot, 'bin/graft.cjs'), ...args])
  if (status !== 0) throw new Error(stderr.toString())
}

async function startPeer(peer: string): Promise<void> {
  const job = { peer, config: T5_SMALL, workers: 1, threads: 2, folder: models, tokenizer: embeddedBase }
  const contestant = await startContestant(
    peer,
    { microTokens: 0, microMultiple: 1 },
    [peersPython, 'bench/peers/int8_serve.py'],
    job,
  )
  await contestant.round([[8]])
  await contestant.close()
}

const contestants: Record<string, () => Promise<void> | void> = {
  CTranslate2: () => startPeer('ctranslate2'),
  'ONNX Runtime': () => startPeer('onnxruntime'),
  '`graft predict`, int8': () => graft('predict', '--base', base, '--checkpoint', adapter, '--precision', 'int8', text),
  '`graft predict`, f32': () => graft('predict', '--base', base, '--checkpoint', adapter, text),
}

try {
  // The first runs export the models, and do not count.
  await startPeer('ctranslate2')
  await startPeer('onnxruntime')
  graft('train', '--base', base, '--data', join(packageRoot, 'samples/train.jsonl'), '--steps', '1', '--out', adapter)
  const seconds = new Map(Object.keys(contestants).map((name) => [name, [] as number[]]))
  for (let run = 0; run < Number(values.runs); run++)
    for (const [name, predict] of Object.entries(contestants)) {
      const started = performance.now()
      await predict()
      seconds.get(name)?.push((performance.now() - started) / 1000)
    }
  const row = startTable("T5-small's shape", 'seconds, range')
  for (const [name, times] of seconds) row(name, formatRange(times))
} finally {
  rmSync(folder, { recursive: true })
}
