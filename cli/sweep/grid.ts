import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type ErrorDetail, fail, GraftError } from '../../core/errors.ts'
import { exactObject } from '../../platform/schemas/common.ts'
import { parse } from '../../platform/schemas/parse.ts'
import { type Reading, readingFields, readingOf } from '../../training/data/reading.ts'
import { suggest } from '../flags.ts'
import { readYamlFile } from '../read-yaml-file.ts'
import { type GridRow, readRows, rowFields } from './rows.ts'

/** A grid of trainings: each row is trained once for each seed. */
export interface Grid {
  /** The first part of the names of its trainings. */
  name: string
  /** The path of the reviews to train on, or of a folder with both files. */
  data?: string
  /** The path of the reviews to measure on, or of a folder with them. */
  test?: string
  base?: string
  /** How both files are read. */
  reading: Reading
  seeds: readonly number[]
  rows: readonly GridRow[]
  claims: readonly Claim[]
  /** True to measure TF-IDF with a logistic regression as well. */
  tfidf: boolean
}

/** A statement that one row is more accurate than another. */
export interface Claim {
  better: string
  worse: string
  says: string
}

const path = z.string({ error: 'the path of a file or a folder' }).min(1, 'the path of a file or a folder')
const text = z.string({ error: 'a text' }).min(1, 'a text')
const seed = z.int('a whole number, 0 or more').min(0, 'a whole number, 0 or more')
const SEEDS_EXPECTED = 'the number of seeds, from 1 to 100, or a list of different seeds'

const gridFile = exactObject({
  name: z
    .string({ error: 'a name' })
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'a name of 1 to 40 letters, digits, dots, dashes and underscores')
    .optional(),
  data: path.optional(),
  test: path.optional(),
  base: path.optional(),
  ...readingFields,
  seeds: z
    .union([z.int(SEEDS_EXPECTED).min(1, SEEDS_EXPECTED).max(100, SEEDS_EXPECTED), z.array(seed).min(1)], {
      error: SEEDS_EXPECTED,
    })
    .refine((seeds) => typeof seeds === 'number' || new Set(seeds).size === seeds.length, SEEDS_EXPECTED)
    .default(3),
  defaults: z.record(z.string(), z.unknown(), { error: 'a mapping of training fields' }).default({}),
  rows: z.array(rowFields, { error: 'a list of rows' }).min(1, 'at least one row'),
  claims: z
    .array(exactObject({ better: text, worse: text, says: text.optional() }), { error: 'a list of claims' })
    .default([]),
  tfidf: z.boolean('true or false').default(true),
})

/** Fields that replace those of the file. Their paths are relative to the working folder. */
export type GridOverrides = Pick<Grid, 'data' | 'test' | 'base'> & { seeds?: number; defaults?: object }

/**
 * Reads a grid from a YAML or JSON file. The paths in the file are relative to its folder.
 * @throws GraftError `file_missing`; `usage` or `method_invalid` with the place in the file that is wrong
 */
export async function readGrid(file: string, overrides: GridOverrides = {}): Promise<Grid> {
  const given = await readYamlFile(file)
  const parsed = inFile(file, () => parse(gridFile, given, 'the grid', 'docs/sweeps.md describes each field.'))
  const { name, seeds: fileSeeds, defaults, rows, claims, tfidf } = parsed
  const seeds = overrides.seeds ?? fileSeeds
  const grid = {
    name: name ?? nameOfFile(file),
    seeds: typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i) : seeds,
    rows: inFile(file, () => readRows({ ...defaults, ...overrides.defaults }, rows)),
    tfidf,
    reading: readingOf(parsed),
  }
  const places = Object.fromEntries(
    (['data', 'test', 'base'] as const).flatMap((field) => {
      const path =
        overrides[field] ?? (parsed[field] === undefined ? undefined : inFolderOf(file, field, parsed[field]))
      return path === undefined ? [] : [[field, path]]
    }),
  )
  return { ...grid, ...places, claims: inFile(file, () => readClaims(claims, grid.rows)) }
}

/** Returns the path relative to the folder of the file. A base may also be a name, which is returned as it is. */
function inFolderOf(file: string, field: string, path: string): string {
  const inFolder = resolve(dirname(file), path)
  return field === 'base' && !existsSync(inFolder) ? path : inFolder
}

const nameOfFile = (file: string): string =>
  basename(file)
    .replace(/\.[a-z]+$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40) || 'grid'

function readClaims(
  claims: readonly { better: string; worse: string; says?: string }[],
  rows: readonly GridRow[],
): Claim[] {
  const names = rows.map(({ name }) => name)
  return claims.map(({ better, worse, says = `${better} beats ${worse}` }, i) => {
    for (const [field, name] of Object.entries({ better, worse }))
      if (!names.includes(name))
        fail('usage', {
          subject: `claims[${i}].${field}`,
          expected: `the name of a row: ${names.join(', ')}`,
          found: JSON.stringify(name),
          fix: `${suggest(name, names)}Write the name as in rows.`,
        })
    const [first, second] = [better, worse].map((name) => rows.find((row) => row.name === name)?.identity)
    if (isDeepStrictEqual(first, second))
      fail('usage', {
        subject: `claims[${i}]`,
        expected: 'two rows with different settings',
        found: `${JSON.stringify(better)} and ${JSON.stringify(worse)}, which train the same adapters`,
        fix: 'Compare two other rows.',
      })
    return { better, worse, says }
  })
}

/** Calls a function whose errors are about a place in the file, and adds the name of the file to them. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    const detail: ErrorDetail = { ...error.detail, subject: `${file}, ${error.detail.subject}` }
    return fail(error.code === 'body_invalid' ? 'usage' : error.code, detail, error)
  }
}
