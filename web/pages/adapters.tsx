import type { Adapter } from '../../client/client.ts'
import { formatAge, formatBytes, formatShort } from '../format.ts'
import { usePages } from '../load.ts'
import { Accuracy } from '../parts/accuracy.tsx'
import { PageHead } from '../parts/head.tsx'
import { Icon } from '../parts/icon.tsx'
import { PagedView } from '../parts/states.tsx'
import { pathTo } from '../router.ts'
import { graft, may } from '../session.ts'

/** All adapters, the newest first. */
export function AdaptersPage() {
  const paged = usePages(() => graft.adapters.list())
  return (
    <>
      <PageHead
        title="Adapters"
        actions={
          may('train') && (
            <a class="button primary" href="/adapters/new">
              <Icon name="plus" /> Add an adapter
            </a>
          )
        }
      />
      <PagedView
        paged={paged}
        what="adapters"
        empty={
          may('train') ? (
            <p>
              No adapter yet. <a href="/trainings/new">Train one</a>, or <a href="/adapters/new">add one</a>.
            </p>
          ) : (
            <p>No adapter yet. Trainings make them.</p>
          )
        }
      >
        {(items) => <AdapterTable items={items} />}
      </PagedView>
    </>
  )
}

export const AdapterTable = ({ items }: { items: readonly Adapter[] }) => (
  <div class="table-frame">
    <table class="list">
      <thead>
        <tr>
          <th>Name</th>
          <th>Method</th>
          <th>Base</th>
          <th class="number">Trained</th>
          <th>Accuracy</th>
          <th class="number">Size</th>
          <th>Origin</th>
          <th>Created</th>
        </tr>
      </thead>
      <tbody>
        {items.map((adapter) => (
          <tr key={adapter.id}>
            <td class="name">
              <a href={pathTo('adapters', adapter.id)}>{adapter.name}</a>
              {adapter.aliases.map((alias) => (
                <span key={alias} class="tag" title="alias">
                  {alias}
                </span>
              ))}
            </td>
            <td>{adapter.method}</td>
            <td>{adapter.base}</td>
            <td class="number">{formatShort(adapter.trainable)}</td>
            <td class="wide">
              <Accuracy metrics={adapter.metrics} />
            </td>
            <td class="number nowrap">{formatBytes(adapter.bytes)}</td>
            <td>{originOf(adapter)}</td>
            <td class="quiet nowrap">{formatAge(adapter.created_at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
)

/** Returns where an adapter comes from: a training of this server, or a folder. */
export function originOf({ training }: Adapter) {
  if (training === undefined) return 'added'
  return may('train') ? <a href={pathTo('trainings', training)}>training</a> : 'training'
}
