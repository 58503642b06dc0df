import type { ClaimResult, ClaimVerdict } from '../sweep/report.ts'

export const formatMegabytes = (bytes: number): string => (bytes / 1e6).toPrecision(3)

const verdicts: Readonly<Record<ClaimVerdict, string>> = {
  holds: 'holds',
  reversed: 'the reverse holds',
  undecided: 'cannot tell',
  unfinished: 'not measured',
}

export const formatVerdict = ({ verdict }: Pick<ClaimResult, 'verdict'>): string => verdicts[verdict]
