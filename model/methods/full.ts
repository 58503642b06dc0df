import { z } from 'zod'
import { type Method, parameter } from '../method.ts'
import { baseTensors } from '../t5/tensors.ts'

const config = z.strictObject({})

/** Full fine-tuning, the reference: every tensor of the base is trained and takes its own place. */
export const full: Method<z.infer<typeof config>> = {
  name: 'full',
  config,
  learningRate: 1e-4,
  parameters: (_, t5) =>
    baseTensors(t5).map(({ name, shape }) => parameter(name, shape, (_shape, _random, base) => base(name).slice())),
  edits: () => ({}),
}
