import type { Child } from 'hono/jsx/dom'

/** A number that matters, with its name. */
export const Tile = ({ name, value }: { name: string; value: Child }) => (
  <div class="tile">
    <span>{name}</span>
    <strong>{value}</strong>
  </div>
)
