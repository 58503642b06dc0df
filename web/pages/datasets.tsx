import { formatCount } from '../../core/format-count.ts'
import { formatAge, formatBytes } from '../format.ts'
import { usePages } from '../load.ts'
import { PageHead } from '../parts/head.tsx'
import { Icon } from '../parts/icon.tsx'
import { LabelStrip } from '../parts/labels.tsx'
import { PagedView } from '../parts/states.tsx'
import { pathTo } from '../router.ts'
import { graft } from '../session.ts'

/** All data sets, the newest first. */
export function DatasetsPage() {
  const paged = usePages(() => graft.datasets.list())
  return (
    <>
      <PageHead
        title="Data"
        actions={
          <a class="button primary" href="/data/new">
            <Icon name="plus" /> Add data
          </a>
        }
      />
      <PagedView
        paged={paged}
        what="data sets"
        empty={
          <p>
            No data yet. <a href="/data/new">Add a file of labeled reviews</a>: CSV, TSV or JSON lines.
          </p>
        }
      >
        {(items) => (
          <div class="table-frame">
            <table class="list">
              <thead>
                <tr>
                  <th>Name</th>
                  <th class="number">Reviews</th>
                  <th>Labels</th>
                  <th>Format</th>
                  <th class="number">Size</th>
                  <th>Added</th>
                </tr>
              </thead>
              <tbody>
                {items.map(({ id, name, rows, labels, format, bytes, created_at }) => (
                  <tr key={id}>
                    <td class="name">
                      <a href={pathTo('data', id)}>{name}</a>
                    </td>
                    <td class="number">{formatCount(rows)}</td>
                    <td class="wide">
                      <LabelStrip counts={labels} />
                    </td>
                    <td>{format}</td>
                    <td class="number nowrap">{formatBytes(bytes)}</td>
                    <td class="quiet nowrap">{formatAge(created_at)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </PagedView>
    </>
  )
}
