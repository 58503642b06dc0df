import { expect, test } from 'vitest'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { probeAdapter } from '../../checkpoint/probe-logits.ts'
import { basePlan } from '../../platform/hub/base-plan.ts'
import { fetchSnapshot } from '../../platform/hub/fetch-snapshot.ts'
import { pushFolder } from '../../platform/hub/push-folder.ts'
import { freshPath, parityPath, randomAdapter } from '../checkpoint/helpers.ts'
import { startFakeHub } from '../hub/fake-hub.ts'
import { largestDifference, runPython, TOLERANCE, without } from './libraries.ts'

const IDS = [5, 9, 20, 1]
const PROGRAM = `import json, sys, torch
from peft import AutoPeftModelForSeq2SeqLM
model = AutoPeftModelForSeq2SeqLM.from_pretrained(sys.argv[1]).eval()
ids, start = torch.tensor([${JSON.stringify(IDS)}]), torch.tensor([[0]])
with torch.no_grad():
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), decoder_input_ids=start).logits
print(json.dumps(logits[0, 0].tolist()))`

test.skipIf(without('peft'))(
  `AutoPeftModelForSeq2SeqLM loads an adapter from the hub, and finds its base there${without('peft')}`,
  async () => {
    const hub = await startFakeHub()
    const settings = { endpoint: hub.endpoint, cache: freshPath('cache'), offline: false, token: hub.token }
    hub.add('owner/tiny-t5', parityPath('tiny-t5'))
    const base = await loadBase(
      await fetchSnapshot({ repo: 'owner/tiny-t5', revision: 'main' }, basePlan, {}, settings),
    )
    // The adapter names the commit that it was trained on.
    hub.add('owner/tiny-t5', { 'model.safetensors': Buffer.from('another one') })
    const dir = freshPath('adapter')
    const { method, values } = await saveAdapter(dir, randomAdapter({ method: 'lora', rank: 4 }, base, 0.1), base)
    await pushFolder(dir, { repo: 'owner/film-lora', revision: 'main' }, { title: 'Upload' }, {}, settings)

    const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: freshPath('home'), HF_HUB_OFFLINE: '0', HF_HUB_DISABLE_XET: '1' }
    const theirs = JSON.parse(await runPython('peft', ['-c', PROGRAM, 'owner/film-lora'], env)) as number[]
    const every = { inputs: [IDS], ids: theirs.map((_, id) => id) }
    const { logits, base_logits } = await probeAdapter(base, method, values, every, 'adapter')
    expect(largestDifference(logits[0], theirs)).toBeLessThan(TOLERANCE.logits)
    expect(largestDifference(base_logits[0], theirs)).toBeGreaterThan(0.1)
  },
)
