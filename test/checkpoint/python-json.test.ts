import { expect, test } from 'vitest'
import { float, toPythonJson } from '../../checkpoint/python-json.ts'

test('JSON is written as Python writes it: sorted, indented, floats with a decimal point, only ASCII', () => {
  const value = {
    b: float(0),
    a: [1, float(0.25), float(1e-4)],
    empty: {},
    none: null,
    list: [],
    text: 'naïve "😀"\n',
    B: true,
  }
  expect(toPythonJson(value)).toBe(`{
  "B": true,
  "a": [
    1,
    0.25,
    0.0001
  ],
  "b": 0.0,
  "empty": {},
  "list": [],
  "none": null,
  "text": "na\\u00efve \\"\\ud83d\\ude00\\"\\n"
}`)
})
