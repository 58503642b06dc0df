import { expect, test } from 'vitest'
import { print } from '../../graph/print.ts'
import { parseMethod } from '../../model/methods/registry.ts'
import { classifierProgram } from '../../model/programs.ts'
import { parseT5Config } from '../../model/t5/config.ts'
import { gradientProgram } from '../../training/step/gradient-program.ts'
import { adamWProgram } from '../../training/step/optimizer.ts'

/** One block a stack: every part of T5 once, short enough to read. */
const t5 = parseT5Config({ vocab_size: 32, d_model: 8, d_kv: 4, d_ff: 16, num_layers: 1, num_heads: 2 }, false)

// A change of these files is a change of what runs: read the difference before you accept it (vitest -u).
test('the training step of LoRA is the program that it was', async () => {
  const program = gradientProgram(t5, parseMethod({ method: 'lora', rank: 2 }), { target: 1, words: 2 })
  await expect(print(program)).toMatchFileSnapshot('lora-step.txt')
})

test('the classifier of a soft prompt is the program that it was', async () => {
  const program = classifierProgram(t5, parseMethod({ method: 'soft-prompt', tokens: 3 }), 2)
  await expect(print(program)).toMatchFileSnapshot('soft-prompt-classifier.txt')
})

test('AdamW is the program that it was', async () => {
  await expect(print(adamWProgram())).toMatchFileSnapshot('adamw.txt')
})
