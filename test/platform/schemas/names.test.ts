import { expect, test } from 'vitest'
import { resourceName } from '../../../platform/schemas/common.ts'
import { datasetNameOf } from '../../../platform/schemas/dataset-name.ts'

test.each(['CON', 'nul', 'nul.txt', 'Com1', 'lpt9.tar.gz', '.hidden', 'a/b', 'a b', 'é', '', 'a'.repeat(101)])(
  '%j is not a name, because it could not be the name of a file everywhere',
  (name) => {
    expect(resourceName.safeParse(name).success).toBe(false)
  },
)

test.each(['console', 'nullable', 'com10', 'auxiliary.v2', 'a'])('%j is a name', (name) => {
  expect(resourceName.safeParse(name).success).toBe(true)
})

test.each(['train.jsonl.gz', 'CON.csv', 'nul.v2.jsonl', '../../etc/passwd', '…', 'a'.repeat(300)])(
  'the name of a data set that is derived from the file %j is valid',
  (path) => {
    expect(resourceName.safeParse(datasetNameOf(path, '0123456789ab')).error).toBeUndefined()
  },
)
