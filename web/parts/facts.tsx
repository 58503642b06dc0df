import type { Child } from 'hono/jsx/dom'

export type Fact = readonly [name: string, value: Child]

/** Names with values. Those without a value are left out. */
export const Facts = ({ facts, class: own = '' }: { facts: readonly Fact[]; class?: string }) => (
  <dl class={`facts ${own}`}>
    {facts
      .filter(([, value]) => value !== undefined && value !== null && value !== '')
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
)
