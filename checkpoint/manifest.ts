import { z } from 'zod'
import { describeIssue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'
import { IN_OUR_WORDS } from '../core/expectation.ts'
import { label, MAX_LABELS } from '../core/label-rule.ts'
import { MAX_TOKENS, MIN_TOKENS, truncationSides } from '../model/encode.ts'
import { labelWords } from '../model/label-words.ts'
import type { Base } from './base.ts'
import { fileIn, parseObject, readText } from './files.ts'
import { ADAPTER_LIMITS } from './limits.ts'

/** Graft's own file in the folder of an adapter, next to the library's files. */
export const MANIFEST_FILE = 'graft.json'

/** The version of the format. It increases if readers of the old one would misread the new one. */
const FORMAT_VERSION = 1

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
const token = z.int().nonnegative()
const anyObject = z.record(z.string(), z.unknown())

// The probe runs at each load, so a file must not make it slow or large. Graft's own has three inputs of up to 12
// tokens.
const MAX_PROBE_INPUTS = 16
const MAX_PROBE_TOKENS = 64
/** The largest number of token ids whose logits a probe stores. */
export const MAX_PROBE_IDS = 64
/** The most bytes that `training` and `metrics` may have together, as JSON. Lists of adapters contain the metrics. */
const MAX_RECORD_BYTES = 2 ** 16

const MAX_NAME_CHARACTERS = 255

/** The range of temperatures. Beyond it, all probabilities would be nearly equal, or nearly 0 and 1. */
export const MIN_TEMPERATURE = 0.05
export const MAX_TEMPERATURE = 20

/** How texts that are too long are truncated. */
const truncation = z.object({
  max_tokens: z.int().min(MIN_TOKENS, `at least ${MIN_TOKENS} tokens`).max(MAX_TOKENS, `at most ${MAX_TOKENS} tokens`),
  side: z.enum(truncationSides),
})

/** The fields that a caller of `saveAdapter` can record. All are optional. */
const fields = z.object({
  /** The word that scores each label, in the base's tokenizer. */
  label_words: labelWords.optional(),
  /** The labels in the order of their scores. */
  labels: z.array(label).min(1).max(MAX_LABELS, `at most ${MAX_LABELS} labels`).optional(),
  truncation: truncation.optional(),
  /** The divisor of logits before they become probabilities. Defaults to 1. */
  temperature: z.number().min(MIN_TEMPERATURE).max(MAX_TEMPERATURE).optional(),
  training: anyObject.optional(),
  metrics: anyObject.optional(),
})

export type ManifestFields = z.infer<typeof fields>

const logitRows = z.array(z.array(z.number()).max(MAX_PROBE_IDS)).max(MAX_PROBE_INPUTS)
const LOGITS_RULE = 'a row for each input, with a logit for each id'

/** Fixed inputs and the logits that the adapter computed for them when it was saved. */
const probe = z
  .object({
    inputs: z.array(z.array(token).min(1).max(MAX_PROBE_TOKENS)).min(1).max(MAX_PROBE_INPUTS),
    /** The token ids whose logits are stored. */
    ids: z.array(token).min(1).max(MAX_PROBE_IDS),
    /** [inputs, ids] */
    logits: logitRows,
    /** The logits of the base without the adapter [inputs, ids]. */
    base_logits: logitRows,
  })
  .refine((value) => hasLogitShape(value, value.logits), { path: ['logits'], error: LOGITS_RULE })
  .refine((value) => hasLogitShape(value, value.base_logits), { path: ['base_logits'], error: LOGITS_RULE })

const hasLogitShape = (
  { inputs, ids }: { inputs: readonly unknown[]; ids: readonly unknown[] },
  rows: readonly (readonly number[])[],
): boolean => rows.length === inputs.length && rows.every((row) => row.length === ids.length)

export type Probe = z.infer<typeof probe>

const manifest = z
  .object({
    format: z.literal(FORMAT_VERSION),
    base: z.object({ fingerprint: sha256, name: z.string().max(MAX_NAME_CHARACTERS) }),
    ...fields.shape,
    weights_sha256: sha256,
    probe,
  })
  .refine(
    ({ labels, label_words: words }) => !labels || !words || labels.every((label) => Object.hasOwn(words, label)),
    {
      path: ['labels'],
      error: 'only labels that have a word in label_words',
    },
  )
  .refine((value) => areRecordsSmall(value), {
    path: ['metrics'],
    error: `at most ${MAX_RECORD_BYTES} bytes of JSON, with training`,
  })

export type Manifest = z.infer<typeof manifest>

/** Returns whether a manifest may have these records. */
export const areRecordsSmall = ({ training, metrics }: Pick<ManifestFields, 'training' | 'metrics'>): boolean =>
  Buffer.byteLength(JSON.stringify([training, metrics])) <= MAX_RECORD_BYTES

export function makeManifest(base: Base, recorded: ManifestFields, weightsSha256: string, savedProbe: Probe): Manifest {
  return {
    format: FORMAT_VERSION,
    base: { fingerprint: base.fingerprint, name: base.name },
    ...fields.parse(recorded),
    weights_sha256: weightsSha256,
    probe: {
      ...savedProbe,
      logits: roundLogits(savedProbe.logits),
      base_logits: roundLogits(savedProbe.base_logits),
    },
  }
}

/** Rounds to 7 digits; f32 has no more. */
const roundLogits = (values: number[][]): number[][] => values.map((row) => row.map((x) => Number(x.toPrecision(7))))

/**
 * Returns the text of `graft.json`, indented, with lists of numbers on one line. Strings are unaffected: in JSON they
 * contain no line break.
 */
export const formatManifest = (value: Manifest): string =>
  `${JSON.stringify(value, null, 2).replace(/\[\n[-+.,\de\s]+\]/g, (list) => list.replace(/\s+/g, ' '))}\n`

/**
 * Reads `graft.json`.
 * @returns undefined if the folder has none, as is the case for folders that the Python libraries saved
 * @throws GraftError `checkpoint_corrupt`, or `checkpoint_config` if a later version of Graft wrote it
 */
export async function readManifest(dir: string): Promise<Manifest | undefined> {
  const text = await readText(dir, MANIFEST_FILE, ADAPTER_LIMITS)
  if (text === undefined) return undefined
  const subject = fileIn(dir, MANIFEST_FILE)
  const value = parseObject(text, subject)
  if (typeof value.format === 'number' && value.format > FORMAT_VERSION)
    fail('checkpoint_config', {
      subject: `${subject}, format`,
      expected: `at most ${FORMAT_VERSION}`,
      found: String(value.format),
      fix: 'A later version of Graft saved this adapter. Update Graft.',
    })
  const parsed = manifest.safeParse(value, IN_OUR_WORDS)
  if (parsed.success) return parsed.data
  const { key, expected, found } = describeIssue(parsed.error, value)
  return fail('checkpoint_corrupt', { subject: `${subject}, ${key}`, expected, found, fix: FIX_MANIFEST })
}

export const FIX_MANIFEST =
  'Restore graft.json from a copy, or remove it: the adapter loads without it, but is not checked.'

/** @throws GraftError `base_mismatch` with both fingerprints */
export function requireSameBase({ base: trained }: Manifest, base: Base, subject: string): void {
  if (trained.fingerprint === base.fingerprint) return
  fail('base_mismatch', {
    subject,
    expected: `the base ${trained.name} with fingerprint ${trained.fingerprint}`,
    found: `${base.name} with fingerprint ${base.fingerprint}`,
    fix: 'Use the base that the adapter was trained on, or train it again on this one.',
  })
}

/** @throws GraftError `checkpoint_corrupt` if the weights file is not the one that was saved */
export function requireSameWeights({ weights_sha256: saved }: Manifest, digest: string, file: string): void {
  if (saved === digest) return
  fail('checkpoint_corrupt', {
    subject: file,
    expected: `SHA-256 ${saved}`,
    found: `SHA-256 ${digest}`,
    fix: 'The weights have changed since the adapter was saved. Copy the folder again.',
  })
}
