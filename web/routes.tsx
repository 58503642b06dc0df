import type { PageRoute } from './page.ts'
import { AdapterPage } from './pages/adapter.tsx'
import { AdaptersPage } from './pages/adapters.tsx'
import { ComparePage } from './pages/compare/compare.tsx'
import { ComparisonPage } from './pages/compare/comparison.tsx'
import { CurvesPage } from './pages/curves.tsx'
import { DatasetPage } from './pages/dataset.tsx'
import { DatasetsPage } from './pages/datasets.tsx'
import { HomePage } from './pages/home.tsx'
import { NewAdapterPage } from './pages/new-adapter.tsx'
import { NewDatasetPage } from './pages/new-dataset.tsx'
import { NewTrainingPage } from './pages/new-training.tsx'
import { NotFoundPage } from './pages/not-found.tsx'
import { PlaygroundPage } from './pages/playground.tsx'
import { TrainingPage } from './pages/training.tsx'
import { TrainingsPage } from './pages/trainings.tsx'
import { may } from './session.ts'

/** All pages. The first whose path fits is shown. */
const routes: readonly PageRoute[] = [
  { path: '/', section: 'home', title: 'Overview', scope: 'predict', page: HomePage },
  { path: '/trainings', section: 'trainings', title: 'Trainings', scope: 'train', page: TrainingsPage },
  { path: '/trainings/new', section: 'trainings', title: 'New training', scope: 'train', page: NewTrainingPage },
  { path: '/trainings/curves', section: 'trainings', title: 'Curves', scope: 'train', page: CurvesPage },
  { path: '/trainings/:id', section: 'trainings', title: 'Training', scope: 'train', page: TrainingPage },
  { path: '/data', section: 'data', title: 'Data', scope: 'train', page: DatasetsPage },
  { path: '/data/new', section: 'data', title: 'New data', scope: 'train', page: NewDatasetPage },
  { path: '/data/:id', section: 'data', title: 'Data set', scope: 'train', page: DatasetPage },
  { path: '/adapters', section: 'adapters', title: 'Adapters', scope: 'predict', page: AdaptersPage },
  { path: '/adapters/new', section: 'adapters', title: 'Add an adapter', scope: 'train', page: NewAdapterPage },
  { path: '/adapters/:id', section: 'adapters', title: 'Adapter', scope: 'predict', page: AdapterPage },
  { path: '/compare', section: 'compare', title: 'Compare', scope: 'train', page: ComparePage },
  { path: '/compare/:id', section: 'compare', title: 'Comparison', scope: 'train', page: ComparisonPage },
  { path: '/playground', section: 'playground', title: 'Playground', scope: 'predict', page: PlaygroundPage },
]

const notFound: PageRoute = { path: '', title: 'Not found', scope: 'predict', page: NotFoundPage }

/** Returns the page at an address. */
export function findRoute(address: string): { route: PageRoute; params: Record<string, string> } {
  const parts = address
    .split('?')[0]
    .replace(/(?<=.)\/$/, '')
    .split('/')
  for (const route of routes) {
    const pattern = route.path.split('/')
    if (pattern.length !== parts.length) continue
    if (!pattern.every((part, i) => part === parts[i] || (part.startsWith(':') && parts[i] !== ''))) continue
    const open = pattern.flatMap((part, i) => (part.startsWith(':') ? [[part.slice(1), decode(parts[i])]] : []))
    return { route, params: Object.fromEntries(open) }
  }
  return { route: notFound, params: {} }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const mayOpen = ({ scope }: PageRoute): boolean => may(scope)
