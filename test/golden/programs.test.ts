import { expect, test } from 'vitest'
import { printProgram } from '../../graph/print.ts'
import { modelOf } from '../../model/architectures.ts'
import { parseMethod } from '../../model/methods/registry.ts'
import { classifierProgram } from '../../model/programs.ts'
import { t5Architecture } from '../../model/t5/architecture.ts'
import { gradientProgram } from '../../training/step/gradient-program.ts'
import { adamWProgram } from '../../training/step/optimizer.ts'

/** T5 with one block per stack: it has every part once, and its programs are short enough to read. */
const config = t5Architecture.parseConfig(
  { vocab_size: 32, d_model: 8, d_kv: 4, d_ff: 16, num_layers: 1, num_heads: 2 },
  new Map(),
  'config.json',
)
const model = modelOf({ config })

// A change to these files changes what runs. Read the difference before you accept it (vitest -u).
test('the program of a LoRA training step is unchanged', async () => {
  const program = gradientProgram(model, parseMethod({ method: 'lora', rank: 2 }), model.objective('labels', [0, 1]))
  await expect(printProgram(program)).toMatchFileSnapshot('lora-step.txt')
})

test('the program of a soft-prompt classifier is unchanged', async () => {
  const program = classifierProgram(model, parseMethod({ method: 'soft-prompt', tokens: 3 }), 2)
  await expect(printProgram(program)).toMatchFileSnapshot('soft-prompt-classifier.txt')
})

test('the program of AdamW is unchanged', async () => {
  await expect(printProgram(adamWProgram())).toMatchFileSnapshot('adamw.txt')
})
