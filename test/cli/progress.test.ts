import { describe, expect, test } from 'vitest'
import { formatBar } from '../../cli/bar.ts'
import { formatPercent, formatTable } from '../../cli/output.ts'
import { formatDuration, makeProgress } from '../../cli/progress.ts'

/** Returns the text that the work writes to a file. */
function capture(work: (progress: ReturnType<typeof makeProgress>) => void): string {
  let text = ''
  const write = (chunk: string) => {
    text += chunk
    return true
  }
  work(makeProgress({ write } as NodeJS.WriteStream, false))
  return text
}

describe('progress', () => {
  const work = (progress: ReturnType<typeof makeProgress>) => {
    progress.writeLine('Reading …')
    for (const step of [1, 2, 3]) progress.update(`step ${step}`)
    progress.finish()
    progress.update('step 4')
    progress.writeLine('Done')
  }

  test('is an occasional line in a file, without control characters, and the last one is written', () => {
    expect(capture(work)).toBe('Reading …\nstep 1\nstep 3\nstep 4\nDone\n')
  })

  test('shows how much is done, also of nothing', () => {
    expect(formatBar({ done: 1, total: 4 })).toBe('[======                  ] 1/4')
    expect(formatBar({ done: 4, total: 4, details: ['all'] })).toBe('[========================] 4/4  all')
    expect(formatBar({ done: 0, total: 0 })).toBe('[                        ] 0/0')
  })

  test('fits any width: the least important details go first, then the bar gets shorter', () => {
    const bar = { done: 50, total: 100, details: ['10 s left', 'loss 0.5000', '20.0 reviews/s'] }
    const lines = [160, 60, 40, 30, 12, 5, 2].map((columns) => formatBar(bar, columns))
    expect(lines).toEqual([
      '[============            ] 50/100  10 s left  loss 0.5000  20.0 reviews/s',
      '[======     ] 50/100  10 s left  loss 0.5000  20.0 reviews/s',
      '[==========          ] 50/100  10 s left',
      '[=====     ] 50/100  10 s left',
      '[== ] 50/100',
      '50/10',
      '50',
    ])
    for (let columns = 1; columns < 100; columns++) expect(formatBar(bar, columns).length).toBeLessThanOrEqual(columns)
  })

  test('shows times in the two largest units', () => {
    expect([0.4, 59.4, 60, 3599, 3600, 90_061].map(formatDuration)).toEqual([
      '0 s',
      '59 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
      '25 h 1 min',
    ])
  })
})

test('the columns of a table fit their cells, with numbers aligned to the right', () => {
  expect(
    formatTable([
      ['length', 'reviews', 'accuracy'],
      ['all', '1,000', formatPercent(0.5)],
    ]),
  ).toEqual(['length  reviews  accuracy', 'all       1,000   50.00 %'])
})
