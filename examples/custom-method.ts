// Registers a tuning method of its own, trains it on the sample reviews, and measures it.
//   node examples/custom-method.ts
import { join } from 'node:path'
import { packageRoot } from '../core/entry.ts'
import { openRuntime } from '../graph/runtime/runtime.ts'
import { modelOf } from '../model/architectures.ts'
import { methods } from '../model/methods/registry.ts'
import { prepare } from '../training/data/prepare.ts'
import { trainingSteps } from '../training/data/steps.ts'
import { evaluate } from '../training/evaluate.ts'
import { parseTrainingSpec } from '../training/spec.ts'
import { openTrainer } from '../training/step/trainer.ts'
import { rescale } from './extending/method.ts'

methods[rescale.name] = rescale

const spec = parseTrainingSpec({
  method: 'rescale',
  data: join(packageRoot, 'samples/train.jsonl'),
  test: join(packageRoot, 'samples/test.jsonl'),
  out: 'unused',
  epochs: Number(process.env.EPOCHS ?? 8),
  device: 'cpu',
})
const pool = openRuntime('cpu')
try {
  const prepared = await prepare(spec, pool.size, () => {})
  const { base, labels, test, plan } = prepared
  console.log(`${plan.method} trains ${plan.trainable} of ${plan.total} parameters in ${plan.steps} steps`)

  const trainer = await openTrainer(prepared, pool)
  const measure = async () => {
    const { accuracy } = await evaluate(await trainer.classifier(), test!, labels.labels, modelOf(base))
    return `accuracy ${(100 * accuracy).toFixed(1)} %`
  }
  console.log(`before: ${await measure()}`)
  let step = 0
  for (const rows of trainingSteps(prepared.lengths, spec)) await trainer.step(rows, step++)
  console.log(`after:  ${await measure()}`)
} finally {
  await pool.close()
}
