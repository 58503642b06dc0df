import { expect, test } from 'vitest'
import { fetchTrainingFiles } from '../../../platform/files/training-files.ts'
import { prepare } from '../../../training/data/prepare.ts'
import { parseTrainingSpec } from '../../../training/spec.ts'
import { freshPath } from '../../checkpoint/helpers.ts'
import { makeDataFiles } from './data-files.ts'

const { write } = makeDataFiles()
const data = write('1;positive;A fine film.\n2;negative;Dull.\n3;positive;\n4;negative;Long and dull.\n')
const test_ = write('{"words":"Fine.","verdict":"positive"}\n')
const reading = { text_column: '3', label_column: '2', skip_bad: true }
const testReading = { text_column: 'words', label_column: 'verdict' }

test('training and test data of a store are read as each was uploaded', async () => {
  type Request = Parameters<typeof fetchTrainingFiles>[1]
  const request = {
    base: { artifact: 'base', name: 'base' },
    dataset: { digest: data, name: 'train', reading },
    test: { digest: test_, name: 'test', reading: testReading },
  } as unknown as Request
  const cache = { file: async (path: string) => path, folder: async () => undefined }
  const { files } = await fetchTrainingFiles(cache as unknown as Parameters<typeof fetchTrainingFiles>[0], request)
  const { base: _, test_reading, ...fields } = files
  const spec = parseTrainingSpec({ ...fields, out: freshPath('out') })
  const { plan, test: testRows } = await prepare({ ...spec, test_reading }, 1, () => {})
  expect(testRows?.labels).toEqual([1])
  expect(plan).toMatchObject({
    data: { columns: { text: '3', label: '2' }, skipped: { rows: 1, reasons: [{ lines: [3] }] } },
    test: { columns: { text: 'words', label: 'verdict' }, skipped: { rows: 0 } },
  })
})
