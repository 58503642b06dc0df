import { formatCount } from '../../core/format-count.ts'
import { formatBytes, formatTime } from '../format.ts'
import { useLoad } from '../load.ts'
import type { PageProps } from '../page.ts'
import { ConfirmButton } from '../parts/confirm.tsx'
import { Facts } from '../parts/facts.tsx'
import { Findings } from '../parts/findings.tsx'
import { PageHead } from '../parts/head.tsx'
import { LabelBars } from '../parts/labels.tsx'
import { Skipped } from '../parts/skipped.tsx'
import { LoadedView } from '../parts/states.tsx'
import { navigate } from '../router.ts'
import { graft } from '../session.ts'

/** One data set. */
export function DatasetPage({ params: { id } }: PageProps) {
  const loaded = useLoad(() => graft.datasets.get(id), id)
  return (
    <LoadedView loaded={loaded} title="Data set">
      {(dataset) => (
        <>
          <PageHead
            title={dataset.name}
            up={{ path: '/data', name: 'Data' }}
            actions={
              <>
                <ConfirmButton
                  label="Delete"
                  title={`Delete ${dataset.name}?`}
                  onConfirm={async () => {
                    await graft.datasets.remove(dataset.id)
                    navigate('/data', { replace: true })
                  }}
                >
                  <p>Adapters that were trained on it stay. The reviews cannot be restored.</p>
                </ConfirmButton>
                <a class="button primary" href={`/trainings/new?dataset=${encodeURIComponent(dataset.id)}`}>
                  Train on it
                </a>
              </>
            }
          />
          <div class="columns two">
            <section class="panel">
              <h2>Labels</h2>
              <LabelBars counts={dataset.labels} />
            </section>
            <section class="panel">
              <h2>File</h2>
              <Facts
                facts={[
                  ['Reviews', formatCount(dataset.rows)],
                  ['Duplicates', formatCount(dataset.duplicates)],
                  ['File', dataset.filename],
                  ['Format', dataset.format],
                  ['Columns', dataset.columns && [dataset.columns.text, dataset.columns.label].join(', ')],
                  ['Encoding', dataset.encoding],
                  ['Size', formatBytes(dataset.bytes)],
                  ['Added', formatTime(dataset.created_at)],
                  ['SHA-256', <code class="clip">{dataset.digest}</code>],
                ]}
              />
              <Skipped skipped={dataset.skipped} />
            </section>
          </div>
          <section class="panel">
            <h2>What to know</h2>
            <Findings findings={dataset.findings ?? []} />
          </section>
        </>
      )}
    </LoadedView>
  )
}
