import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadBase } from '../../checkpoint/base.ts'
import { requireHubName } from '../../checkpoint/hub-name.ts'
import { packageRoot } from '../../core/entry.ts'
import { basePlan } from '../../platform/hub/base-plan.ts'
import { fetchSnapshot } from '../../platform/hub/fetch-snapshot.ts'
import { freshPath, parityPath, tinyT5 } from '../checkpoint/helpers.ts'
import { hasPeer } from '../peers.ts'
import { startFakeHub } from './fake-hub.ts'
import type { FakeHub } from './fake-types.ts'

const REPO = 'owner/tiny'
const python = join(packageRoot, 'test/server/huggingface/.venv/bin/python')
const isInstalled = hasPeer(python)
const skipNote = isInstalled
  ? ''
  : ' (skipped: no test/server/huggingface/.venv; test/server/huggingface/setup.sh installs it)'

let hub: FakeHub
let commit: string
beforeAll(async () => {
  hub = await startFakeHub()
  commit = hub.add(REPO, parityPath('tiny-t5'))
})

/** Runs Python with huggingface_hub on a cache. Returns what it prints, as JSON. */
async function inPython(cache: string, program: string, environment: Readonly<Record<string, string>> = {}) {
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.endpoint,
    HF_HUB_CACHE: cache,
    HF_HUB_DISABLE_XET: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    ...environment,
  }
  const { stdout } = await promisify(execFile)(python, ['-c', `import json\n${program}`], { env })
  return JSON.parse(stdout)
}

const fetchInto = (cache: string, offline = false) =>
  fetchSnapshot(requireHubName(REPO), basePlan, {}, { endpoint: hub.endpoint, cache, offline })

describe.skipIf(!isInstalled)(`the cache that Graft shares with huggingface_hub${skipNote}`, () => {
  test('Python finds what Graft downloaded, without the hub', async () => {
    const cache = freshPath('cache')
    const dir = await fetchInto(cache)
    const found = await inPython(
      cache,
      `from huggingface_hub import scan_cache_dir, snapshot_download, try_to_load_from_cache
[repo] = scan_cache_dir().repos
[revision] = repo.revisions
print(json.dumps({
  "dir": snapshot_download("${REPO}", local_files_only=True),
  "weights": try_to_load_from_cache("${REPO}", "model.safetensors"),
  "repo": repo.repo_id, "commit": revision.commit_hash, "refs": sorted(revision.refs),
  "files": sorted(file.file_name for file in revision.files), "warnings": [str(w) for w in scan_cache_dir().warnings],
}))`,
      { HF_HUB_OFFLINE: '1' },
    )
    expect(found).toEqual({
      dir,
      weights: join(dir, 'model.safetensors'),
      repo: REPO,
      commit,
      refs: ['main'],
      files: readdirSync(dir).sort(),
      warnings: [],
    })
  }, 60_000)

  test('Graft uses what Python downloaded, without downloading it again', async () => {
    const cache = freshPath('cache')
    const program = `from huggingface_hub import snapshot_download\nprint(json.dumps(snapshot_download("${REPO}")))`
    const theirs = await inPython(cache, program)
    hub.received.length = 0
    expect(await fetchInto(cache, true)).toBe(theirs)
    expect(hub.received).toEqual([])
    expect(await fetchInto(cache)).toBe(theirs)
    expect(hub.received.filter(({ path }) => path.includes('model.safetensors'))).toEqual([])
    expect((await loadBase(theirs)).fingerprint).toBe((await tinyT5()).fingerprint)
    const weights = realpathSync(join(theirs, 'model.safetensors'))
    expect(readFileSync(weights)).toEqual(readFileSync(parityPath('tiny-t5/model.safetensors')))
  }, 60_000)
})
