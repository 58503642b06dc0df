import { readTensorFile } from '../../checkpoint/read-tensors.ts'
import { fail } from '../../core/errors.ts'
import type { Model } from '../../model/architecture.ts'
import { encodeText } from '../../model/encode.ts'
import type { TensorData } from '../../model/tensor-shapes.ts'
import type { Tokenizer } from '../../model/tokenizer.ts'
import { readExamples } from '../data/examples.ts'

/** Vectors that a corpus stores, one for each row of text or for some of its tokens. */
export interface Targets {
  /** The numbers of a vector. */
  width: number
  data: Float32Array
  /** For vectors of tokens: the position of each in `ids`, in ascending order. Undefined for vectors of rows. */
  positions?: Int32Array
}

/** Texts as token ids, with the vectors that objectives learn to predict. */
export interface Corpus {
  /** The token ids of all rows, one row after the other, without the tokens around each text. */
  ids: Int32Array
  /** Row i has the tokens `starts[i]` to `starts[i + 1]`. */
  starts: Int32Array
  /** The document of each row. The rows of a document follow each other. */
  documents: Int32Array
  /** By their names in the file, such as `row.NAME`. */
  targets: ReadonlyMap<string, Targets>
  /** SHA-256 of the file, hex. */
  sha256: string
}

/**
 * Reads a corpus. A `.safetensors` file holds token ids and vectors: `ids` [tokens], `starts` [rows + 1], `documents`
 * [rows], for each target `row.NAME` [rows, width], or `token.NAME` [n, width] with `token.NAME.positions` [n]. Whole
 * numbers are stored as f32, which is exact below 2^24. Any other file holds texts, as a training reads them; each text
 * is a row and a document.
 * @throws GraftError `file_missing`, `checkpoint_corrupt`, `data_format` or an error of the text file
 */
export async function readCorpus(path: string, tokenizer: Tokenizer, model: Model): Promise<Corpus> {
  if (!path.endsWith('.safetensors')) return readTexts(path, tokenizer, model)
  const { tensors, sha256 } = await readTensorFile(path)
  const whole = (name: string) => Int32Array.from(requireTensor(tensors, name, path).data)
  const corpus = { ids: whole('ids'), starts: whole('starts'), documents: whole('documents'), sha256 }
  const rows = corpus.documents.length
  const outside = corpus.ids.findIndex((id) => id < 0 || id >= model.vocabSize)
  if (outside >= 0) throwCorpus(path, `has the token id ${corpus.ids[outside]}, which the base does not have`)
  if (corpus.starts.length !== rows + 1 || corpus.starts[rows] !== corpus.ids.length)
    throwCorpus(path, 'has starts that do not match its ids and documents')
  return { ...corpus, targets: readTargets(tensors, rows, path) }
}

async function readTexts(path: string, tokenizer: Tokenizer, { frame }: Model): Promise<Corpus> {
  const { examples, sha256 } = await readExamples(path, { unlabelled: true })
  const around = frame.before.length + frame.after.length
  const encoded = examples.map(({ text }) => {
    const { ids } = encodeText(tokenizer, text, { maxTokens: Number.POSITIVE_INFINITY, side: 'right' }, frame)
    return ids.subarray(frame.before.length, ids.length - around + frame.before.length)
  })
  const starts = new Int32Array(encoded.length + 1)
  for (const [i, { length }] of encoded.entries()) starts[i + 1] = starts[i] + length
  const ids = new Int32Array(starts[encoded.length])
  for (const [i, row] of encoded.entries()) ids.set(row, starts[i])
  return { ids, starts, documents: Int32Array.from(encoded, (_, i) => i), targets: new Map(), sha256 }
}

function readTargets(tensors: ReadonlyMap<string, TensorData>, rows: number, path: string): Map<string, Targets> {
  const targets = new Map<string, Targets>()
  for (const [name, { shape, data }] of tensors) {
    if (!/^(row|token)\.[^.]+$/.test(name)) continue
    const positions = name.startsWith('token.') ? requireTensor(tensors, `${name}.positions`, path).data : undefined
    if (shape.length !== 2 || shape[0] !== (positions?.length ?? rows))
      throwCorpus(path, `has ${name} [${shape.join(', ')}], but ${positions?.length ?? rows} vectors are needed`)
    targets.set(name, { width: shape[1], data, ...(positions && { positions: Int32Array.from(positions) }) })
  }
  return targets
}

const requireTensor = (tensors: ReadonlyMap<string, TensorData>, name: string, path: string): TensorData =>
  tensors.get(name) ?? throwCorpus(path, `does not contain ${name}`)

const throwCorpus = (subject: string, problem: string): never =>
  fail('data_format', { subject, problem, fix: 'Prepare the corpus again, with the tokenizer of this base.' })
