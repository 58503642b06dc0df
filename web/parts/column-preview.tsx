import type { FileHead } from '../file-head.ts'

export interface ColumnChoice {
  text?: string
  label?: string
}

interface ColumnPreviewProps {
  head: FileHead
  /** The columns that are read. */
  columns: ColumnChoice
  onChoose: (columns: ColumnChoice) => void
}

/** The first rows of a file, with a choice for the column of the texts and that of the labels. */
export function ColumnPreview({ head, columns, onChoose }: ColumnPreviewProps) {
  const roleOf = (name: string) => (name === columns.text ? 'text' : name === columns.label ? 'label' : undefined)
  const choose = (role: 'text' | 'label') => (event: Event) =>
    onChoose({ ...columns, [role]: (event.target as HTMLSelectElement).value || undefined })
  return (
    <section class="panel">
      <h2>Columns</h2>
      <div class="fields">
        {(['text', 'label'] as const).map((role) => (
          <label key={role} class="field">
            <span>{role === 'text' ? 'Column of the reviews' : 'Column of the labels'}</span>
            <select value={columns[role] ?? ''} onChange={choose(role)}>
              <option value="">found by its name</option>
              {head.columns.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
      <section class="table-frame" tabindex={0} aria-label="The first rows">
        <table class="preview">
          <thead>
            <tr>
              {head.columns.map((name) => (
                <th key={name} class={roleOf(name)}>
                  {name} {roleOf(name) && <span class="tag">{roleOf(name)}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {head.rows.map((row, i) => (
              <tr key={String(i)}>
                {head.columns.map((name, column) => (
                  <td key={name} class={roleOf(name)}>
                    {(row[column] ?? '').slice(0, 160)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  )
}
