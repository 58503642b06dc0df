import type { Dataset } from '../../client/client.ts'

type Finding = NonNullable<Dataset['findings']>[number]

/** The findings about data or a training, with what to do. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  if (findings.length === 0) return <p class="ok">Nothing odd was found.</p>
  return (
    <ul class="findings">
      {findings.map((finding) => (
        <li key={finding.code} class={finding.level}>
          <strong>{finding.level === 'warning' ? 'Warning' : 'Note'}</strong>
          <span>
            {finding.message} <span class="quiet">{finding.fix}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}
