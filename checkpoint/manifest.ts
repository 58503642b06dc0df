import { z } from 'zod'
import { fail } from '../core/errors.ts'
import { MAX_TOKENS, truncationSides } from '../model/encode.ts'
import type { Base } from './base.ts'
import { fileIn, parseObject, readText } from './files.ts'

export const MANIFEST = 'graft.json'

/** Raised where a reader of the old form would misread the new one. */
const FORMAT = 1

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
const token = z.int().nonnegative()
const rows = z.array(z.array(z.number()))
/** Of the inputs of a probe, and of their tokens: it is run at each load, so a file must not make that long. */
const PROBES = 16
const PROBE_TOKENS = 512
const freely = z.record(z.string(), z.unknown())

/** How a text that is too long is cut: which part of it goes. */
const truncation = z.object({
  max_tokens: z.int().positive().max(MAX_TOKENS, `at most ${MAX_TOKENS} tokens`),
  side: z.enum(truncationSides),
})

/** What the caller tells of an adapter; all of it may be left out. */
const fields = z.object({
  /** The word that scores each label, in the base's tokenizer. */
  label_words: z.record(z.string().min(1), z.string().min(1)).optional(),
  /** The labels in the order in which scores are given. */
  labels: z.array(z.string().min(1)).min(1).optional(),
  truncation: truncation.optional(),
  /** Logits are divided by it before they become probabilities. */
  temperature: z.number().positive().optional(),
  training: freely.optional(),
  metrics: freely.optional(),
})

export type ManifestFields = z.infer<typeof fields>

/** Fixed inputs and what came of them when the adapter was saved. */
const probe = z.object({
  inputs: z.array(z.array(token).min(1).max(PROBE_TOKENS)).min(1).max(PROBES),
  /** The token ids whose logits are kept. */
  ids: z.array(token).min(1),
  /** At the first decoder step, a row an input. */
  logits: rows,
  /** The same of the base alone. */
  base_logits: rows,
})

export type Probe = z.infer<typeof probe>

/** `graft.json`, which lies beside the library's own files. */
const manifest = z
  .object({
    format: z.literal(FORMAT),
    base: z.object({ fingerprint: sha256, name: z.string() }),
    ...fields.shape,
    weights_sha256: sha256,
    probe,
  })
  .refine(
    ({ labels, label_words: words }) => !labels || !words || labels.every((label) => Object.hasOwn(words, label)),
    {
      path: ['labels'],
      error: 'labels that each have a word in label_words',
    },
  )

export type Manifest = z.infer<typeof manifest>

export function makeManifest(base: Base, given: ManifestFields, weightsSha256: string, made: Probe): Manifest {
  return {
    format: FORMAT,
    base: { fingerprint: base.fingerprint, name: base.name },
    ...fields.parse(given),
    weights_sha256: weightsSha256,
    probe: { ...made, logits: rounded(made.logits), base_logits: rounded(made.base_logits) },
  }
}

/** f32 has no more digits than these. */
const rounded = (values: number[][]): number[][] => values.map((row) => row.map((x) => Number(x.toPrecision(7))))

/** Indented, with lists of numbers on one line. No text of JSON holds a line break, so none is touched. */
export const manifestText = (value: Manifest): string =>
  `${JSON.stringify(value, null, 2).replace(/\[\n[-+.,\de\s]+\]/g, (list) => list.replace(/\s+/g, ' '))}\n`

/**
 * Reads `graft.json`.
 * @returns undefined where the folder has none, as those that the Python libraries make
 * @throws GraftError `checkpoint_corrupt`, or `checkpoint_config` for a later format
 */
export async function readManifest(dir: string): Promise<Manifest | undefined> {
  const text = await readText(dir, MANIFEST)
  if (text === undefined) return undefined
  const subject = fileIn(dir, MANIFEST)
  const value = parseObject(text, subject)
  if (typeof value.format === 'number' && value.format > FORMAT)
    fail('checkpoint_config', {
      subject: `${subject}, format`,
      expected: `${FORMAT} at most`,
      found: String(value.format),
      fix: 'Update Graft: a later version wrote this checkpoint.',
    })
  const parsed = manifest.safeParse(value)
  if (parsed.success) return parsed.data
  const [{ path, message }] = parsed.error.issues
  return fail('checkpoint_corrupt', {
    subject: `${subject}, ${path.join('.')}`,
    expected: message,
    found:
      JSON.stringify(path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown>)?.[key], value)) ?? 'nothing',
    fix: 'Restore the file from where it came, or remove it: the weights load without it, unchecked.',
  })
}

/** @throws GraftError `base_mismatch` with both fingerprints */
export function requireSameBase({ base: trained }: Manifest, base: Base, subject: string): void {
  if (trained.fingerprint === base.fingerprint) return
  fail('base_mismatch', {
    subject,
    expected: `the base ${trained.name} with fingerprint ${trained.fingerprint}`,
    found: `${base.name} with fingerprint ${base.fingerprint}`,
    fix: 'Give the base that it was trained on, or train it again on this one.',
  })
}

/** @throws GraftError `checkpoint_corrupt` where the file of weights is not the one that was saved */
export function requireSameWeights({ weights_sha256: saved }: Manifest, digest: string, file: string): void {
  if (saved === digest) return
  fail('checkpoint_corrupt', {
    subject: file,
    expected: `SHA-256 ${saved}`,
    found: digest,
    fix: 'Copy the checkpoint again: its weights are not those that were saved.',
  })
}
