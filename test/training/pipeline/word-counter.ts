import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lowerToGraph } from '../../../graph/onnx/lower.ts'
import { encodeModel } from '../../../graph/onnx/model.ts'
import { joinBytes } from '../../../graph/onnx/protobuf.ts'
import { cast, mul } from '../../../graph/ops/elementwise.ts'
import { gather } from '../../../graph/ops/gather.ts'
import { input } from '../../../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../../../graph/ops/shape.ts'
import { buildProgram } from '../../../graph/program.ts'
import { withEveryPart } from '../../../model/tokenizer.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { tinyBase, words } from '../tiny.ts'

/** The ids of the words of `words` in the tokenizer of `tinyBase`. */
const idOf = (word: string) => 3 + words.indexOf(word)

const VOCABULARY = 3 + words.length

/**
 * Writes the folder of a text classifier for transformers.js that counts words: the logit of each label is the sum of
 * the weights of the words.
 * @param weights the weight of a word for each label
 * @param config further fields of `config.json`
 */
export function writeWordCounter(
  labels: readonly string[],
  weights: Readonly<Record<string, readonly number[]>>,
  config: object = {},
): string {
  const dir = freshPath('counter')
  mkdirSync(join(dir, 'onnx'), { recursive: true })
  const table = new Float32Array(VOCABULARY * labels.length)
  for (const [word, values] of Object.entries(weights)) table.set(values, idOf(word) * labels.length)
  const rows = gather(
    input('table', 'f32', [VOCABULARY, labels.length]),
    input('input_ids', 'i64', ['batch_size', 'length']),
  ) // [B, S, C]
  const mask = cast(input('attention_mask', 'i64', ['batch_size', 'length']), 'f32')
  const logits = reduceSum(mul(rows, reshape(mask, ['batch_size', 'length', 1])), [1]) // [B, C]
  const graph = lowerToGraph(buildProgram('word counter', { logits }), 'portable', { constants: { table } })
  writeFileSync(join(dir, 'onnx', 'model.onnx'), joinBytes(encodeModel(graph).pieces))
  writeFileSync(
    join(dir, 'config.json'),
    JSON.stringify({ model_type: 'distilbert', id2label: Object.fromEntries(labels.entries()), ...config }),
  )
  const tokenizer = JSON.parse(readFileSync(join(tinyBase(), 'tokenizer.json'), 'utf8'))
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(withEveryPart(tokenizer)))
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ pad_token: '<pad>', unk_token: '<unk>' }))
  return dir
}
