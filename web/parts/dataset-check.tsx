import type { DatasetCheck } from '../../client/client.ts'
import { formatCount } from '../../core/format-count.ts'

import { Facts } from './facts.tsx'
import { Findings } from './findings.tsx'
import { LabelBars } from './labels.tsx'
import { Skipped } from './skipped.tsx'
import { Tile } from './tile.tsx'

/** The findings of the server in a file, before it is stored. */
export function DatasetCheckView({ check }: { check: DatasetCheck }) {
  const { rows, labels, duplicates, characters, format, encoding, columns, skipped, findings, examples } = check
  return (
    <>
      <div class="columns two">
        <section class="panel">
          <h2>Labels</h2>
          <LabelBars counts={labels} />
        </section>
        <section class="panel">
          <h2>Reviews</h2>
          <div class="tiles">
            <Tile name="Reviews" value={formatCount(rows)} />
            <Tile name="Duplicates" value={formatCount(duplicates)} />
            <Tile name="Median length" value={`${formatCount(characters.median)} characters`} />
            <Tile name="Longest" value={`${formatCount(characters.longest)} characters`} />
          </div>
          <Facts
            facts={[
              ['Shortest', `${formatCount(characters.shortest)} characters`],
              ['Nine in ten are below', `${formatCount(characters.p90)} characters`],
              ['Format', format],
              ['Columns', columns && [columns.text, columns.label].join(', ')],
              ['Encoding', encoding],
            ]}
          />
          <Skipped skipped={skipped} />
        </section>
      </div>
      <section class="panel">
        <h2>What to know</h2>
        <Findings findings={findings} />
      </section>
      <section class="panel">
        <h2>As the server reads it</h2>
        <ul class="plain examples">
          {examples.map(({ text, label }, i) => (
            <li key={String(i)}>
              <span class="tag">{label}</span> {text}
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}
