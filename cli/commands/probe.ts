import { z } from 'zod'
import { baseFolder } from '../../platform/offline/bases.ts'
import { probeFiles } from '../../platform/offline/probe.ts'
import type { Command } from '../command.ts'
import { deviceFlag } from '../device-flag.ts'
import { print } from '../output.ts'
import { required } from '../required.ts'

const flags = {
  base: z.string().optional().describe('folder of the base; the embedded one where absent'),
  checkpoint: z.string().optional().describe('folder of an adapter; without one, the base and all of its gradients'),
  inputs: z.string().describe('a JSON file of batches: input_ids, attention_mask, labels'),
  out: z.string().describe('the safetensors file to write'),
  train: z
    .string()
    .optional()
    .describe('a JSON file of hyperparameters: train on trajectory_steps and write the tensors that result'),
  device: deviceFlag,
}

export const probe: Command = {
  summary: 'Write logits, losses and gradients, to compare with another implementation.',
  usage: 'probe --inputs FILE --out FILE.safetensors [--base DIR] [--checkpoint DIR] [--train FILE]',
  about: `For each batch <batch>.logits [rows, T, vocabulary] and <batch>.loss; for the first also grad.<tensor> of every trained tensor, named as in
the checkpoint's file. With --train {lr, betas, eps, weight_decay, warmup_steps, total_steps, max_grad_norm}: the tensors after AdamW.`,
  examples: ['graft probe --base tiny-t5 --checkpoint lora --inputs inputs.json --out probe.safetensors'],
  flags: { Probe: flags },
  async run({ json, ...values }) {
    const request = required(flags, values)
    await probeFiles({ ...request, base: baseFolder(request.base) })
    print(json, { out: request.out }, [request.out])
  },
}
