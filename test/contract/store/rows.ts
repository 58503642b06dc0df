import { createHash, randomUUID } from 'node:crypto'
import { T5_SMALL } from '../../../model/t5/config.ts'
import { insertAdapter, type NewAdapter } from '../../../platform/store/adapters.ts'
import { ensureBase } from '../../../platform/store/bases.ts'
import type { Database } from '../../../platform/store/database.ts'
import { insertDataset, type NewDataset } from '../../../platform/store/datasets.ts'
import { insertTraining, type NewTraining } from '../../../platform/store/trainings.ts'
import { parseTrainingSpec } from '../../../training/spec.ts'

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

const { data: _data, out: _out, ...spec } = parseTrainingSpec({ data: 'train.jsonl', out: 'out', rank: 8 })

export const makeBase = (db: Database) =>
  ensureBase(db, {
    name: 't5-small',
    fingerprint: digest('t5'),
    config: T5_SMALL,
    parameters: 60_506_624,
    bytes: 242e6,
  })

export const makeDataset = (db: Database, fields: Partial<NewDataset> = {}) =>
  insertDataset(db, {
    name: `reviews-${randomUUID().slice(0, 8)}x`,
    digest: digest('reviews'),
    bytes: 5_000_000_000,
    format: 'jsonl',
    rows: 2_000,
    labels: { negative: 990, positive: 1_010 },
    duplicates: 3,
    ...fields,
  })

export const makeAdapter = async (db: Database, fields: Partial<NewAdapter> = {}, training?: string) =>
  insertAdapter(
    db,
    {
      name: `imdb-${randomUUID().slice(0, 8)}x`,
      base_id: (await makeBase(db)).id,
      method: 'lora',
      trainable: 294_912,
      total: 60_801_536,
      digest: digest('weights'),
      artifact: digest('folder'),
      bytes: 1_180_000,
      layout: 'peft',
      labels: ['negative', 'positive'],
      metrics: { accuracy: 0.91 },
      ...fields,
    },
    training,
  )

export const makeTraining = async (db: Database, fields: Partial<NewTraining> = {}) =>
  insertTraining(db, {
    base_id: (await makeBase(db)).id,
    dataset_id: (await makeDataset(db)).id,
    spec,
    ...fields,
  })
