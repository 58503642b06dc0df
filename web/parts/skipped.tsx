import type { Dataset } from '../../client/client.ts'
import { countOf } from '../format.ts'

/** The rows of a file that were not read, and why. */
export function Skipped({ skipped: { rows, reasons } }: { skipped: Dataset['skipped'] }) {
  if (rows === 0) return null
  return (
    <details>
      <summary>{countOf(rows, 'row')} skipped</summary>
      <ul>
        {reasons.map((one) => (
          <li key={one.reason}>
            {countOf(one.rows, 'row')}: {one.reason}{' '}
            <span class="quiet">
              (line {one.lines.join(', ')}
              {one.rows > one.lines.length && ', …'})
            </span>
          </li>
        ))}
      </ul>
    </details>
  )
}
