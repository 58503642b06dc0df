import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/entry.ts'
import { makeApp } from '../../server/app.ts'
import { makeWorkerMetrics } from '../../server/metrics/worker.ts'
import { fakePlatform } from '../platform/fake-platform.ts'

interface Panel {
  id: number
  type: string
  title: string
  gridPos: { h: number; w: number; x: number; y: number }
  targets?: { expr: string; legendFormat: string }[]
}

const { panels } = JSON.parse(readFileSync(join(packageRoot, 'docs/grafana-dashboard.json'), 'utf8')) as {
  panels: Panel[]
}
const charts = panels.filter(({ type }) => type !== 'row')

/** Returns the samples of a process that has answered a prediction and run some work: the labels of each name. */
async function collectSamples(): Promise<Map<string, Set<string>>> {
  const workerMetrics = makeWorkerMetrics()
  workerMetrics.listeners.onEvent({ comparison_id: 'a', status: 'succeeded' })
  const app = makeApp(await fakePlatform(), { version: '1', workerMetrics })
  const headers = { 'content-type': 'application/json' }
  await app.request('/v1/predictions', { method: 'POST', headers, body: JSON.stringify({ inputs: ['good'] }) })
  const samples = new Map<string, Set<string>>()
  for (const line of (await (await app.request('/metrics')).text()).split('\n')) {
    const [, name, labels = ''] = line.match(/^([a-z_\d]+)(?:\{(.*)\})? /) ?? []
    if (name) samples.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map(([, label]) => label)))
  }
  return samples
}

/** Labels that Prometheus adds when it scrapes. */
const SCRAPE_LABELS = ['instance']

test('every metric and label that the dashboard queries is in /metrics', async () => {
  const samples = await collectSamples()
  const names = new Set<string>()
  for (const { title, targets = [] } of charts) {
    expect([title, targets.length]).not.toEqual([title, 0])
    for (const { expr, legendFormat } of targets) {
      const metrics = expr.match(/\b(?:graft|process|nodejs)_\w+/g) ?? []
      expect([title, metrics.length]).not.toEqual([title, 0])
      for (const metric of metrics) {
        names.add(metric)
        const labels = samples.get(metric)
        expect(labels, `${title}: ${metric}`).toBeDefined()
        const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list.split(', '))
        const matched = [...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label)
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
        for (const label of [...grouped, ...matched, ...shown])
          expect([...(labels ?? []), ...SCRAPE_LABELS], `${title}: ${metric} by ${label}`).toContain(label)
      }
    }
  }
  expect(names.size).toBeGreaterThan(20)
})

test('every metric of Graft is on the dashboard', async () => {
  const shown = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join(' ')
  const families = [...(await collectSamples()).keys()].filter((name) => name.startsWith('graft_'))
  const hidden = families.filter((name) => !shown.includes(name.replace(/_(bucket|sum|count)$/, '')))
  expect(hidden).toEqual(['graft_training_steps_total'])
})

test('the panels have ids of their own and do not overlap', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
})
