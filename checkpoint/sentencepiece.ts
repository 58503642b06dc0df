import { fail } from '../core/errors.ts'
import type { JsonObject } from './files.ts'

// The fields of sentencepiece_model.proto (github.com/google/sentencepiece) that T5's tokenizer needs.
const MODEL = { pieces: 1, trainer: 2, normalizer: 3 }
const PIECE = { piece: 1, score: 2, type: 3 }
const TRAINER = { modelType: 3, byteFallback: 35, unknownId: 40, endId: 42 }
const NORMALIZER = { charsmap: 2 }
const UNIGRAM = 1
/** The types of pieces that no text contains: unknown, control, unused. */
const SPECIAL_TYPES = [2, 3, 5]

/** The sentinels that T5's tokenizer adds to the vocabulary, unless `tokenizer_config.json` says otherwise. */
const DEFAULT_SENTINELS = 100
const MAX_SENTINELS = 10_000

/**
 * Returns the contents of the `tokenizer.json` that transformers makes from a `spiece.model` of T5: a Unigram model
 * whose words begin with ▁, with T5's sentinels after the pieces of the file.
 * @param file its name in errors
 * @param extraIds `extra_ids` of `tokenizer_config.json`: how many sentinels T5 adds. Defaults to 100.
 * @throws GraftError `base_incomplete` if the file is not a Unigram model
 */
export function toTokenizerJson(content: Buffer, file: string, extraIds?: unknown): JsonObject {
  const sentinels = Number.isInteger(extraIds)
    ? Math.min(Math.max(0, extraIds as number), MAX_SENTINELS)
    : DEFAULT_SENTINELS
  const model = readMessage(content, file)
  const [trainer, normalizer] = [MODEL.trainer, MODEL.normalizer].map((field) =>
    readMessage(bytesOf(model, field) ?? Buffer.alloc(0), file),
  )
  if (numberOf(trainer, TRAINER.modelType, UNIGRAM) !== UNIGRAM || numberOf(trainer, TRAINER.byteFallback, 0) !== 0)
    throwUnreadable(file, 'is not a Unigram model without bytes, which T5 has')
  const pieces = (model.get(MODEL.pieces) ?? []).map((value) => readPiece(value, file))
  const [unk_id, endId] = [numberOf(trainer, TRAINER.unknownId, 0), numberOf(trainer, TRAINER.endId, 2)]
  const end = pieces[endId]?.piece
  if (!pieces[unk_id] || end === undefined) throwUnreadable(file, 'has no piece for unknown text or for the end')
  const extra = Array.from({ length: sentinels }, (_, i) => ({
    piece: `<extra_id_${sentinels - 1 - i}>`,
    score: 0,
    type: 3,
  }))
  const all = [...pieces, ...extra]
  const charsmap = bytesOf(normalizer, NORMALIZER.charsmap)
  return {
    added_tokens: all.flatMap(({ piece, type }, id) =>
      SPECIAL_TYPES.includes(type) ? [{ id, content: piece, special: true, normalized: false }] : [],
    ),
    normalizer: charsmap?.length ? { type: 'Precompiled', precompiled_charsmap: charsmap.toString('base64') } : null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: ' +' }, behavior: 'Removed' },
        { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: end, type_id: 0 } }],
      pair: [],
      special_tokens: { [end]: { id: end, ids: [endId], tokens: [end] } },
    },
    model: { type: 'Unigram', unk_id, vocab: all.map(({ piece, score }) => [piece, score]) },
  }
}

function readPiece(value: Value, file: string): { piece: string; score: number; type: number } {
  const fields = readMessage(value as Buffer, file)
  const score = bytesOf(fields, PIECE.score)
  return {
    piece: bytesOf(fields, PIECE.piece)?.toString() ?? '',
    score: score?.length === 4 ? score.readFloatLE() : 0,
    type: numberOf(fields, PIECE.type, 1),
  }
}

/** A whole number, or bytes: a text, a message, or a number of fixed size. */
type Value = number | Buffer
type Message = ReadonlyMap<number, readonly Value[]>

/** Reads a message in the wire format of protocol buffers (protobuf.dev/programming-guides/encoding). */
function readMessage(content: Buffer, file: string): Message {
  const fields = new Map<number, Value[]>()
  let at = 0
  const take = (size: number): Buffer => {
    if (at + size > content.length) throwUnreadable(file, 'is cut off')
    at += size
    return content.subarray(at - size, at)
  }
  // A negative number has ten bytes. It becomes a huge one, which is neither an index nor a type.
  const readVarint = (): number => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const [byte] = take(1)
      value += (byte & 0x7f) * 128 ** i
      if (byte < 0x80) return value
    }
    return throwUnreadable(file, 'is damaged')
  }
  const readValue = (wireType: number): Value => {
    if (wireType === 0) return readVarint()
    if (wireType === 1) return take(8)
    if (wireType === 2) return take(readVarint())
    if (wireType === 5) return take(4)
    return throwUnreadable(file, 'is not a file of SentencePiece')
  }
  while (at < content.length) {
    const key = readVarint()
    const field = Math.floor(key / 8)
    const value = readValue(key % 8)
    const known = fields.get(field)
    if (known) known.push(value)
    else fields.set(field, [value])
  }
  return fields
}

/** Returns the last value of a field, as protocol buffers define it for a field that does not repeat. */
function bytesOf(message: Message, field: number): Buffer | undefined {
  const value = message.get(field)?.at(-1)
  return typeof value === 'number' ? undefined : value
}

function numberOf(message: Message, field: number, byDefault: number): number {
  const value = message.get(field)?.at(-1)
  return typeof value === 'number' ? value : byDefault
}

const throwUnreadable = (file: string, problem: string): never =>
  fail('base_incomplete', {
    subject: file,
    problem,
    fix: 'Save tokenizer.json instead: AutoTokenizer.from_pretrained(...).save_pretrained(...) in transformers.',
  })
