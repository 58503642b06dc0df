import { formatAge } from '../../format.ts'
import { usePages } from '../../load.ts'
import { PageHead } from '../../parts/head.tsx'
import { PagedView, Status } from '../../parts/states.tsx'
import { pathTo } from '../../router.ts'
import { graft } from '../../session.ts'
import { NewComparison } from './new-comparison.tsx'

/** Starts a comparison, and lists all others, the newest first, with what each found. */
export function ComparePage() {
  const paged = usePages(() => graft.comparisons.list())
  return (
    <>
      <PageHead title="Compare" />
      <NewComparison />
      <PagedView paged={paged} what="comparisons" empty={<p>No comparison yet.</p>}>
        {(items) => (
          <div class="table-frame">
            <table class="list">
              <thead>
                <tr>
                  <th>Compared</th>
                  <th>Status</th>
                  <th>Found</th>
                  <th>Created</th>
                </tr>
              </thead>
              <tbody>
                {items.map(({ id, adapters, pipelines, status, verdict, error, created_at }) => (
                  <tr key={id}>
                    <td class="name">
                      <a href={pathTo('compare', id)}>
                        {[...adapters, ...pipelines].map(({ name }) => name).join(', ')}
                      </a>
                    </td>
                    <td>
                      <Status of={{ status }} />
                    </td>
                    <td class="found">{verdict ?? error?.title}</td>
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
