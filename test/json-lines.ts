import { readFileSync } from 'node:fs'

/** The rows of a file with one JSON object in each line. */
export const readJsonLines = <Row>(path: string): Row[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
