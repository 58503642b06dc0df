// Finds the prose of the repository: comments, strings, test titles and documents, with their line numbers.
import { globSync, readFileSync } from 'node:fs'
import { parseSync } from 'oxc-parser'

/** @typedef {{ file: string, line: number, text: string }} Prose a text and the line of the file on which it starts */

const SQL = /^\s*(?:select|insert into|update \S+ set|delete from|(?:create|drop|alter) (?:database|schema|table))\b/

const glob = (...patterns) =>
  patterns.flatMap((pattern) => globSync(pattern, { exclude: (name) => /node_modules|\.venv/.test(name) }))

/** Returns the TypeScript and JavaScript files in the folders. */
export const sourcesIn = (folders) => glob(...folders.map((folder) => `${folder}/**/*.{ts,tsx,mjs}`))

/** Returns the configurations of tools. */
export const configurations = () => glob('*.ts', '.dependency-cruiser.mjs')

/** Returns the documents, except those of base/ and samples/. */
export const documents = () => glob('*.md', 'docs/**/*.md', 'bench/**/*.md')

/** Returns the files with `#` comments. */
export const scripts = () => glob('Dockerfile', 'compose.yaml', '.ci/run', 'bench/peers/*.{py,sh,txt}')

/**
 * Returns the comments, the sentences in strings, and the titles of tests of a source. Consecutive line comments are
 * one comment. An expression in a template is replaced by `…`.
 * @returns {{ comments: Prose[], sentences: Prose[], titles: Prose[] }}
 */
export function proseOfSource(file) {
  const source = readFileSync(file, 'utf8')
  const { comments, program } = parseSync(file, source)
  const lineOf = (index) => source.slice(0, index).split('\n').length
  const prose = { comments: joinLineComments(comments, source), sentences: [], titles: [] }
  const add = (kind, { start }, text) => {
    if (isSentence(text)) prose[kind].push({ start, text })
  }
  const visit = (node, kind) => {
    if (Array.isArray(node)) {
      for (const child of node) visit(child, kind)
      return
    }
    if (node === null || typeof node !== 'object') return
    if (node.type === 'ImportDeclaration' || node.type === 'TSLiteralType') return
    if (node.type === 'Literal' && typeof node.value === 'string') return add(kind, node, node.value)
    if (node.type === 'JSXText') return add(kind, node, node.value)
    if (node.type === 'TaggedTemplateExpression' && node.tag.name === 'sql') return
    if (node.type === 'TemplateLiteral') add(kind, node, node.quasis.map(({ value }) => value.cooked).join('…'))
    for (const [key, child] of Object.entries(node)) {
      if (key === 'quasis') continue
      if (key === 'arguments' && isTest(node.callee)) {
        visit(child[0], 'titles')
        visit(child.slice(1), kind)
      } else visit(child, kind)
    }
  }
  visit(program.body, 'sentences')
  const located = ({ start, text }) => ({ file, line: lineOf(start), text })
  return Object.fromEntries(Object.entries(prose).map(([kind, pieces]) => [kind, pieces.map(located)]))
}

/** @returns {Prose[]} the paragraphs of a document, without fenced or indented code */
export function proseOfDocument(file) {
  let isFenced = false
  return paragraphs(file, (text) => {
    const isFence = /^\s*(?:```|~~~)/.test(text)
    if (isFence) isFenced = !isFenced
    return isFenced || isFence || /^ {4}(?![-*] |\d+\. )/.test(text) ? '' : text
  })
}

/** @returns {Prose[]} the comments and docstrings of a script */
export function proseOfScript(file) {
  let isDocstring = false
  return paragraphs(file, (text) => {
    const quotes = text.split('"""').length - 1
    const wasDocstring = isDocstring
    if (quotes === 1) isDocstring = !isDocstring
    return wasDocstring || quotes > 0 ? text : (/(?:^|\s)#\s+(.*)/.exec(text)?.[1] ?? '')
  })
}

/** Blanks out inline code and the addresses of links; every other character keeps its place. */
export const withoutCode = (text) =>
  text.replace(/`[^`]*`|\]\([^)]*\)|https?:\/\/\S+/g, (code) => code.replace(/[^\n]/g, '_'))

/** Joins consecutive lines of prose; `toProse` returns '' for a line that is not prose. */
function paragraphs(file, toProse) {
  const found = []
  let isNew = true
  for (const [i, raw] of readFileSync(file, 'utf8').split('\n').entries()) {
    const text = toProse(raw)
    if (text.trim() !== '') {
      if (isNew) found.push({ file, line: i + 1, text })
      else found[found.length - 1].text += `\n${text}`
    }
    isNew = text.trim() === ''
  }
  return found
}

function joinLineComments(comments, source) {
  const joined = []
  for (const { type, value, start, end } of comments) {
    const text = type === 'Line' ? value : value.replace(/^\*/, '').replace(/^[^\S\n]*\*(?!\/)/gm, '')
    const previous = joined.at(-1)
    if (type === 'Line' && previous?.isLine && /^\n[^\S\n]*$/.test(source.slice(previous.end, start))) {
      previous.text += `\n${text}`
      previous.end = end
    } else joined.push({ start, end, text, isLine: type === 'Line' })
  }
  return joined
}

/** Returns whether the callee is `test`, `it` or `describe`, or derived from one of them, such as `test.each(…)`. */
function isTest(callee) {
  if (callee.type === 'Identifier') return ['test', 'it', 'describe'].includes(callee.name)
  return isTestPart(callee.object ?? callee.callee ?? callee.tag)
}

const isTestPart = (part) => part !== undefined && isTest(part)

const isSentence = (text) => /[a-z]\S* +\S*[a-z]\S* +\S*[a-z]/i.test(text) && !SQL.test(text)
