import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../core/errors.ts'
import type { Grid } from './grid.ts'

/** The names that a file of a folder may have, after `train` or `test`. */
const EXTENSIONS = ['.jsonl.gz', '.jsonl', '.csv.gz', '.csv']

/**
 * Returns the files of a grid. A folder stands for the file `train` or `test` in it, and the test file defaults to the
 * one in the folder of the data.
 * @throws GraftError `usage` if a file is not set, `file_missing` if a folder has no such file
 */
export function findDataFiles({ data, test }: Pick<Grid, 'data' | 'test'>): { data: string; test: string } {
  if (data === undefined)
    return fail('usage', {
      subject: 'data',
      problem: 'is not set',
      fix: 'Name the file of reviews to train on, or a folder with the files train.jsonl.gz and test.jsonl.gz.',
    })
  for (const path of [data, test])
    if (path !== undefined && !existsSync(path))
      fail('file_missing', { subject: path, problem: 'does not exist', fix: 'Check the path.' })
  if (test === undefined && !isFolder(data))
    return fail('usage', {
      subject: 'test',
      problem: 'is not set',
      fix: 'Name the file of reviews to measure on. Only a folder of data has one by itself.',
    })
  return { data: fileAt(data, 'train'), test: fileAt(test ?? data, 'test') }
}

function fileAt(path: string, stem: string): string {
  if (!isFolder(path)) return path
  const found = EXTENSIONS.map((extension) => join(path, `${stem}${extension}`)).find((file) => existsSync(file))
  if (found) return found
  return fail('file_missing', {
    subject: path,
    problem: `does not contain ${EXTENSIONS.map((extension) => `${stem}${extension}`).join(', ')}`,
    fix: 'Put the reviews there under one of these names, or name the files themselves.',
  })
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
