// Words that tools/check-words.mjs forbids in prose, and how often admired codebases use them
// (tools/measure-words.mjs).

/** Before "alone", these do not mean "only". */
const STANDING = 'leave|leaves|leaving|left|let|stand|stands|standing|stood'

/** Patterns, and the words to use instead. A space also matches a line break. */
export const wordsToAvoid = [
  ['\\bwhere (?:absent|there (?:is|are))\\b', 'if … is not set, if there is'],
  ['\\b(?:told|tells)\\b', 'says, reports, returns'],
  ['\\basked\\b', 'requested'],
  ['\\bshall\\b', 'must, will'],
  ['\\banew\\b', 'again'],
  ['\\bwhoever\\b', 'the caller, a client, anyone who'],
  ['\\bbears?\\b', 'has'],
  ['\\bmend(?:s|ed|ing)?\\b', 'fix'],
  ['\\bgo(?:es)? on\\b', 'continues'],
  // "There is no adapter" and "is no longer" are plain English; "it is no adapter" is not.
  ['(?<!\\bthere )\\bis no (?!longer|more|less|fewer|better|worse|\\w+er than)', 'is not a'],
  [`(?<!\\b(?:${STANDING}) )\\balone\\b`, 'only, by itself'],
  ['\\bsigns? of life\\b', 'heartbeat'],
  ['\\bfencing numbers?\\b', 'fencing token'],
].map(([pattern, better]) => ({ pattern: new RegExp(pattern.replaceAll(' ', '\\s+'), 'gi'), better }))

/** The words with which no comment may open. */
export const bareOpening = /^\s*(?:What|Who|Those|Whether|Where|Of)\b/

/**
 * Uses in 10,000 words of comments of jax-js, hono, the server of the MCP TypeScript SDK, pg-boss, h3 and vercel/ai; of
 * openings, the share of comments in per cent.
 */
export const admired = [
  {
    row: 'open with What, Who, Those, One, Of, Where, Whether (% of comments)',
    opening: /^\s*(?:What|Who|Those|One|Of|Where|Whether)\b/,
    found: [0.4, 0.2, 0.5, 0.3, 0.9, 0.7],
  },
  { row: '"where absent", "where there is"', pattern: 'where (absent|there (is|are))', found: [0, 0, 0, 0.5, 0.3, 0] },
  { row: '"tell", "tells", "told"', pattern: 'tells?|told', found: [0, 0, 0.5, 1.6, 1.2, 0] },
  { row: '"asked"', pattern: 'asked', found: [0, 0, 0.5, 0, 0, 0] },
  { row: '"alone" for "only"', pattern: `(?<!\\b(${STANDING}) )alone`, found: [0, 0.5, 0, 1.6, 2.2, 0.3] },
  { row: '"is no"', pattern: 'is no', found: [0.7, 0.5, 3.4, 2.2, 1.9, 1.9] },
  {
    row: '"goes on", "bears", "whoever", "shall", "anew"',
    pattern: 'go(es)? on|bears?|whoever|shall|anew',
    found: [0, 0, 0.5, 0, 0.3, 0.5],
  },
].map(({ pattern, ...rest }) => ({
  ...rest,
  pattern: pattern && new RegExp(`\\b(?:${pattern.replaceAll(' ', '\\s+')})\\b`, 'gi'),
}))
