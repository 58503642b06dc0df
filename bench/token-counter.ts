import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lowerToGraph } from '../graph/onnx/lower.ts'
import { encodeModel } from '../graph/onnx/model.ts'
import { joinBytes } from '../graph/onnx/protobuf.ts'
import { cast, mul } from '../graph/ops/elementwise.ts'
import { gather } from '../graph/ops/gather.ts'
import { input } from '../graph/ops/leaf.ts'
import { reduceSum, reshape } from '../graph/ops/shape.ts'
import { buildProgram } from '../graph/program.ts'
import { withEveryPart } from '../model/tokenizer.ts'

interface TokenCounter {
  labels: readonly string[]
  /** The weight of each token for each label: [V, C]. */
  table: Float32Array
  /** The folder of a base, whose `tokenizer.json` it uses. */
  tokenizerFrom: string
  /** Further fields of `config.json`. */
  config?: object
}

/** Writes the folder of a text classifier for transformers.js whose logits are sums of the weights of tokens. */
export function writeTokenCounter(dir: string, { labels, table, tokenizerFrom, config }: TokenCounter): void {
  mkdirSync(join(dir, 'onnx'), { recursive: true })
  const rows = gather(
    input('table', 'f32', [table.length / labels.length, labels.length]),
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
  const tokenizer = JSON.parse(readFileSync(join(tokenizerFrom, 'tokenizer.json'), 'utf8'))
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify(withEveryPart(tokenizer)))
  writeFileSync(join(dir, 'tokenizer_config.json'), JSON.stringify({ pad_token: '<pad>', unk_token: '<unk>' }))
}
