import { fail } from '../core/errors.ts'

/** Limits how much work waits in an engine. */
export interface Admission {
  /** Rows that have been admitted and wait for their adapter or for the tokenizer. */
  readonly preparing: number
  /** @throws GraftError `overloaded` if a request exceeds the free room */
  require(request: Work): void
  /** Counts work while it waits. */
  add(work: Work): void
  remove(work: Work): void
}

interface Work {
  readonly rows: number
  /** The characters to tokenize. */
  readonly characters: number
}

/**
 * @param capacity how much work may wait
 * @param countQueued returns the rows that wait for a thread
 */
export function makeAdmission(capacity: Work, countQueued: () => number): Admission {
  let [rows, characters] = [0, 0]
  const requireRoom = (unit: string, most: number, waiting: number, requested: number) => {
    if (waiting + requested <= most) return
    fail('overloaded', {
      subject: 'the queue',
      problem: `has room for only ${Math.max(0, most - waiting)} of the ${requested} ${unit}`,
      fix: requested > most ? `Send at most ${most} at once.` : 'Send fewer at once, or try again in a moment.',
    })
  }
  return {
    get preparing() {
      return rows
    },
    require(request) {
      requireRoom('texts', capacity.rows, rows + countQueued(), request.rows)
      requireRoom('characters', capacity.characters, characters, request.characters)
    },
    add(work) {
      rows += work.rows
      characters += work.characters
    },
    remove(work) {
      rows -= work.rows
      characters -= work.characters
    },
  }
}
