import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { hasPeer } from '../../peers.ts'
import { start } from '../start.ts'
import { withFiles } from '../with-files.ts'

const python = join(import.meta.dirname, '.venv/bin/python')
const generator = join(import.meta.dirname, '.venv/bin/openapi-python-client')
const isInstalled = hasPeer(generator)
const skipNote = isInstalled
  ? ''
  : ' (skipped: no test/server/generated-client/.venv; test/server/generated-client/setup.sh installs it)'

const run = promisify(execFile)

const PROGRAM = `
import io, sys
from graft_client import Client
from graft_client.api.adapters import get_adapters
from graft_client.api.data_sets import post_datasets
from graft_client.api.open_ai import post_chat_completions
from graft_client.api.predictions import post_predictions
from graft_client.api.trainings import get_trainings_id, post_trainings, post_trainings_id_cancel
from graft_client.models import (Adapter, AdapterAnswer, ClassifyRequest, Dataset, OpenaiChatRequest, OpenaiCompletion,
    Prediction, Problem, Training, TrainingRequest, TrainingStatus)
from graft_client.types import File

client = Client(sys.argv[1])
adapter = get_adapters.sync(client=client).data[0]
assert isinstance(adapter, Adapter) and adapter.name == "film", adapter

answer = post_predictions.sync(client=client, body=ClassifyRequest(inputs=["good", ""], adapter="film"))
assert isinstance(answer, AdapterAnswer), answer
first, second = answer.results
assert isinstance(first, Prediction) and first.label == "positive", first
assert isinstance(second.error, Problem) and second.error.code == "text_invalid", second

rows = b"text,label\\ngood,positive\\nbad,negative\\n"
dataset = post_datasets.sync(client=client, name="generated", body=File(payload=io.BytesIO(rows)))
assert isinstance(dataset, Dataset) and dataset.rows == 2, dataset

training = post_trainings.sync(client=client, body=TrainingRequest(dataset="generated", name="generated", rank=4))
assert isinstance(training, Training) and training.status is TrainingStatus.QUEUED, training
assert post_trainings_id_cancel.sync(client=client, id=training.id).status is TrainingStatus.CANCELLED

unknown = get_trainings_id.sync(client=client, id="none")
assert isinstance(unknown, Problem) and unknown.code == "training_unknown", unknown

chat = OpenaiChatRequest.from_dict({"model": "film", "messages": [{"role": "user", "content": "bad"}]})
completion = post_chat_completions.sync(client=client, body=chat)
assert isinstance(completion, OpenaiCompletion) and completion.choices[0].message.content == "negative", completion
print("ok")
`

test.skipIf(!isInstalled)(
  `a client in Python, generated from the document, has the types of the API and works${skipNote}`,
  async () => {
    const { url } = await start({ adapters: ['film'], platformParts: await withFiles() })
    const folder = mkdtempSync(join(tmpdir(), 'graft-python-'))
    writeFileSync(join(folder, 'config.yml'), 'post_hooks: []\n')
    const { stdout: log } = await run(
      generator,
      [
        'generate',
        '--url',
        `${url}/openapi.json`,
        '--config',
        'config.yml',
        '--output-path',
        'graft_client',
        '--meta',
        'none',
      ],
      { cwd: folder },
    )
    // It can send an upload only as application/octet-stream, which both uploads accept.
    const reasons = [...log.matchAll(/^(?:Unsupported|Cannot|Unable|Could not|Attempted|Invalid|ERROR).*/gm)].map(
      ([line]) => line,
    )
    expect(reasons.filter((line) => !/unsupported content.?type/i.test(line))).toEqual([])
    writeFileSync(join(folder, 'program.py'), PROGRAM)
    const { stdout } = await run(python, ['program.py', url], { cwd: folder })
    expect(stdout).toBe('ok\n')
  },
  120_000,
)
