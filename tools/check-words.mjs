// Fails if comments, user-facing sentences, test titles or documents contain a word from tools/words.mjs, or if a line
// of prose is too long. Code, tables, addresses and quoted output are not prose.
import { readFileSync } from 'node:fs'
import { folders } from '../.dependency-cruiser.mjs'
import {
  configurations,
  documents,
  proseOfDocument,
  proseOfScript,
  proseOfSource,
  scripts,
  sourcesIn,
  withoutCode,
} from './prose.mjs'
import { bareOpening, wordsToAvoid } from './words.mjs'

const MAX_COLUMNS = 120
/** If there is less prose, the check did not see the tree. */
const MINIMUM_COMMENTS = 1500

const problems = []
// The list of words is exempt, because it contains them all.
const sources = [...sourcesIn(folders), ...configurations()].filter((file) => file !== 'tools/words.mjs')
let commentCount = 0

function checkWords({ file, line, text }) {
  const prose = withoutCode(text)
  for (const { pattern, better } of wordsToAvoid) {
    for (const { 0: word, index } of prose.matchAll(pattern)) {
      const lineOfWord = line + prose.slice(0, index).split('\n').length - 1
      problems.push(`${file}:${lineOfWord}: "${word.replace(/\s+/g, ' ')}"; write: ${better}`)
    }
  }
}

function checkColumns({ file, line, text }) {
  // A table, a quotation, or a line whose last word is an address that cannot be broken.
  const isExempt = (row) => /^\s*[|>]/.test(row) || /:\/\/\S*$/.test(row)
  for (const [i, row] of text.split('\n').entries()) {
    if (row.length > MAX_COLUMNS && !isExempt(row)) {
      problems.push(`${file}:${line + i}: ${row.length} columns of prose; wrap at ${MAX_COLUMNS}`)
    }
  }
}

for (const file of sources) {
  const lines = readFileSync(file, 'utf8').split('\n')
  const { comments, sentences, titles } = proseOfSource(file)
  commentCount += comments.length
  for (const comment of comments) {
    checkWords(comment)
    const [opening] = bareOpening.exec(comment.text) ?? []
    if (opening)
      problems.push(`${file}:${comment.line}: a comment opens with "${opening.trim()}"; name the thing or use a verb`)
    const { length } = comment.text.split('\n')
    checkColumns({ ...comment, text: lines.slice(comment.line - 1, comment.line - 1 + length).join('\n') })
  }
  for (const sentence of file.startsWith('test/') ? titles : sentences) checkWords(sentence)
}
for (const prose of [...documents().flatMap(proseOfDocument), ...scripts().flatMap(proseOfScript)]) {
  checkWords(prose)
  checkColumns(prose)
}

if (commentCount < MINIMUM_COMMENTS) {
  problems.push(`the words check read ${commentCount} comments, but at least ${MINIMUM_COMMENTS} were expected`)
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(`words: ${problems.length} to rewrite`)
  process.exitCode = 1
}
