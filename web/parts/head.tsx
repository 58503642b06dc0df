import type { Child } from 'hono/jsx/dom'
import { useEffect } from 'hono/jsx/dom'

interface PageHeadProps {
  title: string
  /** The page above this one. */
  up?: { path: string; name: string }
  /** Shown beside the title, such as a status. */
  aside?: Child
  actions?: Child
}

/** The title of a page, also in the tab, with the way up and what can be done. */
export function PageHead({ title, up, aside, actions }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · Graft`
  }, [title])
  return (
    <div class="head">
      <div>
        {up && (
          <p class="up">
            <a href={up.path}>{up.name}</a> <span aria-hidden="true">/</span>
          </p>
        )}
        <h1>{title}</h1>
        {aside}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </div>
  )
}
