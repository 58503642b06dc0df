import { z } from 'zod'
import { fromBase, type Method } from '../method.ts'

const config = z.strictObject({})

/** Full fine-tuning, the reference for all other methods: trains every tensor of the base. */
export const full: Method<z.infer<typeof config>> = {
  name: 'full',
  config,
  learningRate: 1e-4,
  parameters: (_, { tensors }) => tensors.map(fromBase),
  edits: () => ({}),
}
