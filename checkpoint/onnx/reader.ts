import { HTML_BREAKS } from '../../model/html-breaks.ts'

/** The file with {@link READER}. */
export const READER_FILE = 'classify.js'

/**
 * The program in an exported folder that turns texts into labels. It does the same as Graft's own code: see
 * `encodeText` for how texts are truncated.
 */
export const READER = `import { AutoModelForSeq2SeqLM, AutoTokenizer, Tensor } from '@huggingface/transformers'

/**
 * Loads the model of a folder, or of a repository on the hub.
 * @param options those of transformers.js, such as { dtype: 'q8' } or { device: 'webgpu' }
 * @returns a function from a text to { label, score, scores }, where scores has the probability of each label
 */
export async function loadClassifier(path, options) {
  const tokenizer = await AutoTokenizer.from_pretrained(path, options)
  const model = await AutoModelForSeq2SeqLM.from_pretrained(path, options)
  const { labels, token_ids, temperature, truncation, frame } = model.config.graft

  const encode = (text) => {
    const body = tokenizer.encode(text.replace(${HTML_BREAKS}, ' '), { add_special_tokens: false })
    const room = truncation.max_tokens - frame.before.length - frame.after.length
    const start = { left: 0, right: room, middle: Math.ceil(room / 2) }[truncation.side]
    const kept = body.length <= room ? body : [...body.slice(0, start), ...body.slice(body.length - (room - start))]
    return [...frame.before, ...kept, ...frame.after]
  }
  const row = (values) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])

  return async (text) => {
    const ids = encode(text)
    const { logits } = await model({
      input_ids: row(ids),
      attention_mask: row(ids.map(() => 1)),
      decoder_input_ids: row([model.config.decoder_start_token_id]),
    })
    const scaled = token_ids.map((id) => logits.data[id] / temperature)
    const weights = scaled.map((logit) => Math.exp(logit - Math.max(...scaled)))
    const sum = weights.reduce((a, b) => a + b)
    const scores = Object.fromEntries(labels.map((label, i) => [label, weights[i] / sum]))
    const label = labels[weights.indexOf(Math.max(...weights))]
    return { label, score: scores[label], scores }
  }
}
`
