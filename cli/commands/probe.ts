import { z } from 'zod'
import { writeProbe } from '../../platform/offline/probe.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'

const flags = {
  base: baseFlag,
  checkpoint: z
    .string()
    .optional()
    .describe('Folder of an adapter. Defaults to the base itself, with the gradients of all its weights.'),
  inputs: z.string().describe('JSON file of batches: input_ids, attention_mask, labels.'),
  out: z.string().describe('Safetensors file to write.'),
  train: z
    .string()
    .optional()
    .describe(
      'JSON file of hyperparameters. If set, train on the trajectory_steps of --inputs and write the resulting tensors.',
    ),
  device: deviceFlag,
}

export const probe: Command = {
  summary: 'Write logits, losses and gradients, to compare with another implementation',
  usage: 'probe --inputs FILE --out FILE.safetensors [--base DIR] [--checkpoint DIR] [--train FILE]',
  about: `Writes <batch>.logits [rows, T, vocabulary] and <batch>.loss for each batch, and grad.<tensor> of every
trained tensor for the first batch, named as in the file of the checkpoint. With --train FILE, which
has {lr, betas, eps, weight_decay, warmup_steps, total_steps, max_grad_norm}, it writes the tensors
after training with AdamW.`,
  examples: ['graft probe --base tiny-t5 --checkpoint lora --inputs inputs.json --out probe.safetensors'],
  flags: { Flags: flags },
  async run({ json, ...values }) {
    const options = checkFlags(flags, values)
    await writeProbe({ ...options, base: await fetchBase(options.base, makeProgress()) })
    printResult(json, { out: options.out }, [options.out])
  },
}
