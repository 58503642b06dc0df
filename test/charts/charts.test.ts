import { expect, test } from 'vitest'
import { linearAxis } from '../../charts/chart.ts'
import { drawForest } from '../../charts/forest.ts'
import { drawMatrix } from '../../charts/matrix.ts'
import { drawReliability } from '../../charts/reliability.ts'
import { type Drawing, escapeXml, fitNames, toSvgDocument, toSvgElement } from '../../charts/svg.ts'
import { drawTrainingCurve } from '../../charts/training-curve.ts'
import { parseSvg } from './parse-svg.ts'

const markup = '<b>&"x"</b>'
const escaped = escapeXml(markup)

/** Returns the attributes of each element of a kind, with numbers as numbers. */
const elementsOf = (name: string, drawing: Drawing): Record<string, number>[] =>
  [...toSvgElement(drawing).matchAll(new RegExp(`<${name}((?: [\\w-]+="[^"]*")*)`, 'g'))].map(([, attributes]) =>
    Object.fromEntries([...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, Number(value)])),
  )

const forest = (width: number) =>
  drawForest({
    title: markup,
    description: markup,
    axis: linearAxis('points', [-10, 10], String, 4),
    groups: [
      {
        heading: markup,
        rows: [
          { names: [markup], value: 5, interval: [2, 8], text: '+5', series: 0 },
          { names: ['a', markup], value: -5, interval: [-10, 0], text: '-5' },
        ],
      },
    ],
    hasZeroLine: true,
    width,
  })

const matrix = drawMatrix({
  title: markup,
  description: markup,
  names: ['first', markup],
  series: [1, 0],
  cells: [
    [undefined, { text: '+1.00', outcome: 'better' }],
    [{ text: '-1.00', outcome: 'worse' }, undefined],
  ],
  groupSize: 1,
  width: 640,
})

const reliability = drawReliability({
  title: markup,
  description: markup,
  panels: [
    {
      label: markup,
      note: 'ECE 0.1',
      series: 0,
      bins: [
        { n: 10, confidence: 0.6, accuracy: 0.6, interval: [0.3, 0.8], low: 0.6, high: 0.66 },
        { n: 40, confidence: 0.9, accuracy: 0.8, interval: [0.7, 0.9], low: 0.86, high: 0.93 },
      ],
    },
  ],
  width: 640,
})

const curve = drawTrainingCurve({
  title: markup,
  points: [
    { step: 5, loss: 0.7 },
    { step: 10, loss: 0.5, accuracy: 0.6 },
    { step: 20, loss: 0.4, accuracy: 0.8 },
  ],
  final: { accuracy: 0.8, interval: [0.7, 0.88] },
})

test.each([
  ['a wide forest plot', forest(640)],
  ['a narrow forest plot', forest(328)],
  ['a matrix', matrix],
  ['reliability diagrams', reliability],
  ['a training curve', curve],
])('%s is well-formed, has a title and a description, and shows names full of markup as text', (_, drawing) => {
  for (const svg of [toSvgDocument(drawing), toSvgElement(drawing)]) {
    expect(parseSvg(svg).filter((text) => text === escaped).length).toBeGreaterThan(0)
    expect(svg).toMatch(/<svg [^>]*role="img"[^>]*><title>[^<]+<\/title><desc>[^<]+<\/desc>/)
    expect(svg).not.toContain('<b>')
  }
  expect(toSvgElement(drawing)).not.toMatch(/<style|style=/)
})

test.each([328, 640])('a forest plot %i wide has its points and intervals where the axis says', (width) => {
  const drawing = forest(width)
  const [first, second] = elementsOf('circle', drawing)
  const lines = elementsOf('line', drawing)
  const [from, to] = [lines[0].x1, lines[4].x1]
  const toX = (value: number) => from + ((to - from) * (value + 10)) / 20
  expect(first.cx).toBeCloseTo(toX(5), 1)
  expect(second.cx).toBeCloseTo(toX(-5), 1)
  expect(lines.some(({ x1, x2 }) => Math.abs(x1 - toX(2)) < 0.1 && Math.abs(x2 - toX(8)) < 0.1)).toBe(true)
  expect(lines.filter(({ x1, x2 }) => x1 === x2 && Math.abs(x1 - toX(0)) < 0.1).length).toBeGreaterThan(1)
  for (const { cx } of [first, second]) expect(cx).toBeGreaterThan(0)
  expect(to).toBeLessThan(width)
})

test('a reliability diagram has calibrated bins on its diagonal, and others as far from it as they are', () => {
  const [calibrated, tooSure] = elementsOf('circle', reliability)
  const diagonal = elementsOf('line', reliability).find(({ x1, y1, x2, y2 }) => x1 !== x2 && y1 !== y2)
  if (!diagonal) throw new Error('there is no diagonal')
  const { x1, y1, x2, y2 } = diagonal
  const onDiagonal = (x: number) => y1 + ((y2 - y1) * (x - x1)) / (x2 - x1)
  expect(calibrated.cy).toBeCloseTo(onDiagonal(calibrated.cx), 1)
  // The diagonal is from one half to one, so its height is half of the panel.
  expect(tooSure.cy - onDiagonal(tooSure.cx)).toBeCloseTo(0.1 * 2 * (y1 - y2), 1)
  const [small, large] = elementsOf('rect', reliability)
  expect(large.height).toBeCloseTo(4 * small.height, 1)
})

test('a matrix numbers its rows by their series, and says of each cell which side is better', () => {
  const texts = parseSvg(toSvgElement(matrix))
  expect(texts).toContain('2  first')
  expect(texts).toContain(`1  ${escaped}`)
  expect(texts.indexOf('▲')).toBe(texts.indexOf('+1.00') - 1)
  expect(texts.indexOf('▼')).toBe(texts.indexOf('-1.00') - 1)
})

test('a training curve falls with the loss, and its accuracy ends at the result', () => {
  const svg = toSvgElement(curve)
  const [loss, accuracy] = [...svg.matchAll(/points="([^"]*)"/g)].map(([, points]) =>
    points.split(' ').map((point) => point.split(',').map(Number)),
  )
  expect(loss).toHaveLength(3)
  expect(loss[0][1]).toBeLessThan(loss[2][1])
  const final = elementsOf('circle', curve).at(-1)
  expect(final?.cx).toBeCloseTo(accuracy[1][0], 0)
  expect(final?.cy).toBeCloseTo(accuracy[1][1], 0)
})

test('a training curve of one step, and one without an accuracy, is drawn', () => {
  for (const points of [[{ step: 1, loss: 0.7 }], []])
    parseSvg(toSvgDocument(drawTrainingCurve({ title: 'x', points })))
})

test('names that are too wide together are cut where they are long', () => {
  expect(fitNames(['a', 'b'], 700)).toBe('a, b')
  const cut = fitNames(['short', 'a-name-without-end-that-goes-far'], 140)
  expect(cut).toMatch(/^short, a-name-w.*…$/)
  expect(cut.length).toBeLessThanOrEqual(20)
})
