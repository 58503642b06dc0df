import type { Child } from 'hono/jsx/dom'
import { may, type Scope, signOut } from '../session.ts'
import { Icon, type IconName } from './icon.tsx'

const sections: readonly { path: string; name: string; section: IconName; scope: Scope }[] = [
  { path: '/', name: 'Overview', section: 'home', scope: 'predict' },
  { path: '/trainings', name: 'Trainings', section: 'trainings', scope: 'train' },
  { path: '/data', name: 'Data', section: 'data', scope: 'train' },
  { path: '/adapters', name: 'Adapters', section: 'adapters', scope: 'predict' },
  { path: '/compare', name: 'Compare', section: 'compare', scope: 'train' },
  { path: '/playground', name: 'Playground', section: 'playground', scope: 'predict' },
]

interface LayoutProps {
  section?: string
  hasKey: boolean
  children: Child
}

/** The navigation beside the page, or above it on narrow screens. */
export function Layout({ section, hasKey, children }: LayoutProps) {
  return (
    <div class="layout">
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="side">
        <a class="brand" href="/" aria-label="Graft, overview">
          <Icon name="brand" />
          <span>Graft</span>
        </a>
        <nav aria-label="Sections">
          {sections
            .filter(({ scope }) => may(scope))
            .map(({ path, name, section: own }) => (
              <a key={path} href={path} aria-current={own === section ? 'page' : undefined}>
                <Icon name={own} />
                <span>{name}</span>
              </a>
            ))}
        </nav>
        <div class="side-end">
          <a class="quiet" href="/docs" target="_blank" rel="noreferrer">
            API
          </a>
          {hasKey && (
            <button type="button" class="link" onClick={signOut}>
              Sign out
            </button>
          )}
        </div>
      </header>
      <main id="main" tabindex={-1}>
        {children}
      </main>
    </div>
  )
}
