import { withEveryPart } from '../../model/tokenizer.ts'
import { type Base, requireTokenizer } from '../base.ts'
import { parseObject, readExistingFiles } from '../files.ts'
import { full } from '../full.ts'
import { CARD_FILE } from '../model-card.ts'
import type { FileContent } from '../write-folder.ts'
import type { LabelReading } from './label-reading.ts'
import { modelCard } from './model-card.ts'
import { READER, READER_FILE } from './reader.ts'
import type { Steps } from './steps.ts'

/** Returns the files of an exported folder, except those of the graphs. */
export async function folderFiles(
  { model, parts }: Steps,
  base: Base,
  method: string,
  reading: LabelReading,
): Promise<Record<string, FileContent>> {
  const { labels, truncation, temperature } = reading
  const start = parts.startTokenId
  const generation = {
    decoder_start_token_id: start,
    eos_token_id: model.frame.after.at(-1),
    pad_token_id: model.padTokenId,
  }
  const tokenizer = requireTokenizer(base)
  return {
    'tokenizer_config.json': toJson(tokenizer.config),
    'generation_config.json': toJson(generation),
    ...(await readExistingFiles(base.dir, full.copiedFromBase)),
    'tokenizer.json': JSON.stringify(withEveryPart(tokenizer.json)),
    'config.json': toJson({
      ...parseObject(base.configText, 'config.json'),
      // transformers.js reads these; a config.json may leave them out.
      is_encoder_decoder: true,
      decoder_start_token_id: start,
      num_decoder_layers: model.decoder?.selfAttentions.length,
      graft: {
        base: { name: base.name, fingerprint: base.fingerprint },
        method,
        labels: labels.labels,
        label_words: labels.words,
        token_ids: labels.tokens,
        temperature,
        truncation: { max_tokens: truncation.maxTokens, side: truncation.side },
        frame: model.frame,
      },
    }),
    [READER_FILE]: READER,
    [CARD_FILE]: modelCard(base.name, method, reading),
  }
}

const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
