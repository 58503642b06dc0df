import { formatCount } from '../../core/format-count.ts'
import { formatBytes, formatSmallPercent, formatTime } from '../format.ts'
import { useLoad } from '../load.ts'
import { readMetrics } from '../metrics.ts'
import type { PageProps } from '../page.ts'
import { Accuracy } from '../parts/accuracy.tsx'
import { ConfirmButton } from '../parts/confirm.tsx'
import { DownloadButton } from '../parts/download.tsx'
import { Facts } from '../parts/facts.tsx'
import { PageHead } from '../parts/head.tsx'
import { MetricsView } from '../parts/metrics-view.tsx'
import { Promote } from '../parts/promote.tsx'
import { LoadedView } from '../parts/states.tsx'
import { navigate } from '../router.ts'
import { graft, may } from '../session.ts'
import { originOf } from './adapters.tsx'

/** The card of one adapter. */
export function AdapterPage({ params: { id } }: PageProps) {
  const loaded = useLoad(() => graft.adapters.get(id), id)
  return (
    <LoadedView loaded={loaded} title="Adapter">
      {(adapter) => {
        const metrics = readMetrics(adapter.metrics)
        return (
          <>
            <PageHead
              title={adapter.name}
              up={{ path: '/adapters', name: 'Adapters' }}
              aside={adapter.aliases.map((alias) => (
                <span key={alias} class="tag">
                  {alias}
                </span>
              ))}
              actions={
                <>
                  {may('train') && (
                    <ConfirmButton
                      label="Delete"
                      title={`Delete ${adapter.name}?`}
                      onConfirm={async () => {
                        await graft.adapters.remove(adapter.id)
                        navigate('/adapters', { replace: true })
                      }}
                    >
                      <p>Its evaluations are deleted as well. An adapter that an alias points to stays.</p>
                    </ConfirmButton>
                  )}
                  {may('train') && <DownloadButton adapter={adapter} />}
                  <a class="button primary" href={`/playground?adapters=${encodeURIComponent(adapter.id)}`}>
                    Try it
                  </a>
                </>
              }
            />
            <div class="columns two">
              <section class="panel">
                <h2>Adapter</h2>
                <Facts
                  facts={[
                    ['Method', adapter.method],
                    ['Base', adapter.base],
                    [
                      'Trained parameters',
                      `${formatCount(adapter.trainable)} of ${formatCount(adapter.total)} (${formatSmallPercent((100 * adapter.trainable) / adapter.total)})`,
                    ],
                    ['Accuracy', <Accuracy metrics={adapter.metrics} />],
                    ['Labels', adapter.labels.slice(0, 20).join(', ')],
                    ['Temperature', adapter.temperature.toFixed(3)],
                    ['Size', formatBytes(adapter.bytes)],
                    ['Layout', adapter.layout],
                    ['Origin', originOf(adapter)],
                    ['Created', formatTime(adapter.created_at)],
                    ['SHA-256', <code class="clip">{adapter.digest}</code>],
                  ]}
                />
              </section>
              {may('train') && <Promote adapter={adapter} onChange={loaded.reload} />}
            </div>
            {metrics && <MetricsView metrics={metrics} />}
          </>
        )
      }}
    </LoadedView>
  )
}
