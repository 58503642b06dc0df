/** The methods to measure, with the sizes of the published comparison. */
export const methods: Record<string, Record<string, unknown> & { method: string }> = {
  lora: { method: 'lora', rank: 8, alpha: 16 },
  bottleneck: { method: 'bottleneck', bottleneck: 8, variant: 'seq_bn' },
  'soft-prompt': { method: 'soft-prompt', tokens: 10 },
  full: { method: 'full' },
}
