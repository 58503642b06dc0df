import { describe, expect, test } from 'vitest'
import { formatPercent, formatTable } from '../../cli/output.ts'
import { formatBar, formatDuration, makeProgress } from '../../cli/progress.ts'

/** Returns the text that the work writes to a terminal or a file. */
function capture(terminal: boolean, work: (progress: ReturnType<typeof makeProgress>) => void): string {
  let text = ''
  const write = (chunk: string) => {
    text += chunk
    return true
  }
  work(makeProgress({ write } as NodeJS.WriteStream, terminal))
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

  test('is redrawn in one line on a terminal, and other lines stay', () => {
    const erased = '\r\u001b[K'
    expect(capture(true, work)).toBe(`Reading …\nstep 1${erased}step 2${erased}step 3\nstep 4${erased}Done\n`)
  })

  test('is an occasional line elsewhere, without control characters', () => {
    expect(capture(false, work)).toBe('Reading …\nstep 1\nstep 4\nDone\n')
  })

  test('shows how much is done, also of nothing', () => {
    expect(formatBar(1, 4, 8)).toBe('[==      ] 1/4')
    expect(formatBar(4, 4, 8)).toBe('[========] 4/4')
    expect(formatBar(0, 0, 8)).toBe('[        ] 0/0')
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
