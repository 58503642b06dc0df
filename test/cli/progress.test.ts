import { describe, expect, test } from 'vitest'
import { percentText, table } from '../../cli/output.ts'
import { bar, duration, progressTo } from '../../cli/progress.ts'

/** What is written, as a terminal or a file gets it. */
function written(terminal: boolean, work: (progress: ReturnType<typeof progressTo>) => void): string {
  let text = ''
  const write = (chunk: string) => {
    text += chunk
    return true
  }
  work(progressTo({ write } as NodeJS.WriteStream, terminal))
  return text
}

describe('progress', () => {
  const work = (progress: ReturnType<typeof progressTo>) => {
    progress.say('Reading …')
    for (const step of [1, 2, 3]) progress.update(`step ${step}`)
    progress.end()
    progress.update('step 4')
    progress.say('Done')
  }

  test('is drawn over in one line on a terminal, and lines that stay are not', () => {
    const erased = '\r\u001b[K'
    expect(written(true, work)).toBe(`Reading …\nstep 1${erased}step 2${erased}step 3\nstep 4${erased}Done\n`)
  })

  test('is a line now and then elsewhere, without control characters', () => {
    expect(written(false, work)).toBe('Reading …\nstep 1\nstep 4\nDone\n')
  })

  test('shows how much is done, and never divides by nothing', () => {
    expect(bar(1, 4, 8)).toBe('[==      ] 1/4')
    expect(bar(4, 4, 8)).toBe('[========] 4/4')
    expect(bar(0, 0, 8)).toBe('[        ] 0/0')
  })

  test('shows times in the two units that matter', () => {
    expect([0.4, 59.4, 60, 3599, 3600, 90_061].map(duration)).toEqual([
      '0 s',
      '59 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
      '25 h 1 min',
    ])
  })
})

test('columns of a table are as wide as they must be, with numbers to the right', () => {
  expect(
    table([
      ['length', 'reviews', 'accuracy'],
      ['all', '1,000', percentText(0.5)],
    ]),
  ).toEqual(['length  reviews  accuracy', 'all       1,000   50.00 %'])
})
