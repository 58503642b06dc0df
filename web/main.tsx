import { render } from 'hono/jsx/dom'
import 'uplot/dist/uPlot.min.css'
import { App } from './app.tsx'
import { interceptLinks } from './router.ts'
import { openSession } from './session.ts'
import './styles/base.css'
import './styles/layout.css'
import './styles/parts.css'
import './styles/figures.css'
import './styles/pages.css'

interceptLinks()
void openSession()
render(<App />, document.getElementById('root') as HTMLElement)
