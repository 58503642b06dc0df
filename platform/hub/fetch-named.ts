import { HUB_PREFIX, parseHubName } from '../../checkpoint/hub-name.ts'
import { fail, GraftError } from '../../core/errors.ts'
import type { DownloadPlan } from './base-plan.ts'
import { fetchSnapshot, type HubListener } from './fetch-snapshot.ts'

/**
 * Returns the folder that a text names: the path of a folder, or a name on the hub, which is downloaded.
 * @throws GraftError the errors of {@link fetchSnapshot}
 */
export async function fetchNamed(text: string, plan: DownloadPlan, listener?: HubListener): Promise<string> {
  const name = parseHubName(text)
  if (!name) return text
  try {
    return await fetchSnapshot(name, plan, listener)
  } catch (error) {
    if (text.startsWith(HUB_PREFIX) || !(error instanceof GraftError) || !MAYBE_A_PATH.includes(error.code)) throw error
    const fix = `${error.detail.fix} If ${text} is meant to be a folder, check its path: it does not exist.`
    return fail(error.code, { ...error.detail, fix }, error)
  }
}

/** The errors of a mistyped path, because it is taken for a name on the hub. */
const MAYBE_A_PATH = ['hub_missing', 'hub_unavailable']
