import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeSafetensors } from '../../checkpoint/safetensors.ts'
import { makeRandom } from '../../core/random.ts'
import { t5Architecture } from '../../model/t5/architecture.ts'
import { sizeOfShape } from '../../model/tensor-shapes.ts'
import { tinyBase } from '../training/tiny.ts'
import { freshPath } from './helpers.ts'

const config = {
  model_type: 't5',
  vocab_size: 96,
  d_model: 128,
  d_ff: 160,
  d_kv: 64,
  num_layers: 1,
  num_decoder_layers: 1,
  num_heads: 2,
  decoder_start_token_id: 0,
}

/**
 * Writes the folder of a random T5 in float32, whose matrices are large enough to be stored as int8 rows, with a
 * tokenizer of whole words. Each row has numbers of another size.
 */
export function randomBase(): string {
  const dir = freshPath('random-base')
  mkdirSync(dir, { recursive: true })
  const { normal } = makeRandom(0, 'random base')
  const { tensors } = t5Architecture.describe(t5Architecture.parseConfig(config, new Map(), 'config.json'))
  const values = tensors.map(({ name, shape }) => {
    const data = new Float32Array(sizeOfShape(shape))
    const columns = shape.at(-1) ?? 1
    for (let row = 0; row < data.length / columns; row++)
      for (let i = 0, size = 2 ** normal(); i < columns; i++) data[row * columns + i] = size * normal()
    return [name, { shape, data }] as const
  })
  writeFileSync(
    join(dir, 'model.safetensors'),
    Buffer.concat(encodeSafetensors(new Map(values), { metadata: { format: 'pt' } })),
  )
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
  writeFileSync(join(dir, 'tokenizer_config.json'), '{}')
  for (const name of ['tokenizer.json', 'graft-base.json']) copyFileSync(join(tinyBase(), name), join(dir, name))
  return dir
}
