import type { Comparison } from '../../../client/client.ts'
import { titleOf } from '../../../report/body.ts'
import { formatAge } from '../../format.ts'
import { useInterval, useLoad } from '../../load.ts'
import type { PageProps } from '../../page.ts'
import { PageHead } from '../../parts/head.tsx'
import { ProblemBox } from '../../parts/problem.tsx'
import { LoadedView, Loading, Status } from '../../parts/states.tsx'
import { graft } from '../../session.ts'
import { ReportView } from './report-view.tsx'
import { SaveReport } from './save-report.tsx'

const POLL_INTERVAL_MS = 1000

/** One comparison: its progress, and then its report. */
export function ComparisonPage({ params: { id } }: PageProps) {
  const loaded = useLoad(() => graft.comparisons.get(id), id)
  const { value } = loaded
  useInterval(loaded.reload, POLL_INTERVAL_MS, value?.status === 'queued' || value?.status === 'running')
  return (
    <>
      {value === undefined && <PageHead title="Comparison" up={{ path: '/compare', name: 'Compare' }} />}
      <LoadedView loaded={loaded}>{(comparison) => <ComparisonView comparison={comparison} />}</LoadedView>
    </>
  )
}

function ComparisonView({ comparison }: { comparison: Comparison }) {
  const { id, status, adapters, pipelines, result, error, created_at } = comparison
  const names = [...adapters, ...pipelines].map(({ name }) => name)
  return (
    <>
      <PageHead
        title={result ? titleOf(result) : `Comparison of ${names.join(', ')}`}
        up={{ path: '/compare', name: 'Compare' }}
        aside={
          <p class="quiet">
            <Status of={{ status }} /> · {formatAge(created_at)}
          </p>
        }
        actions={result && <SaveReport id={id} />}
      />
      {status === 'queued' && <Loading what="Waiting for a worker" />}
      {status === 'running' && <Loading what={`Each of ${names.length} classifies the same reviews`} />}
      {error && <ProblemBox error={error} />}
      {result && <ReportView key={id} comparison={result} />}
    </>
  )
}
