import { join } from 'node:path'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { Model } from '../../model/architecture.ts'
import { builtInModels, modelOf } from '../../model/architectures.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { basePlan } from '../hub/base-plan.ts'
import { fetchNamed } from '../hub/fetch-named.ts'
import type { HubListener } from '../hub/fetch-snapshot.ts'

/** The name of the adapter that comes with the embedded base. */
export const READY_ADAPTER = 'film'

/** Its folder. */
export const readyAdapter: string = join(embeddedBase, READY_ADAPTER)

/**
 * Returns the folder of a base. A name on the Hugging Face hub, such as `google-t5/t5-small`, is downloaded.
 * @param name a folder, a name on the hub, or `embedded`, the base that comes with Graft. Defaults to `embedded`
 * @throws GraftError the errors of {@link fetchNamed}
 */
export async function baseFolder(name = 'embedded', listener?: HubListener): Promise<string> {
  return name === 'embedded' ? embeddedBase : fetchNamed(name, basePlan, listener)
}

/** Returns the model of a base: `t5-small`, which is built in, or one that {@link baseFolder} finds. */
export async function describeBase(name: string, listener?: HubListener): Promise<Model> {
  return modelOf(
    Object.hasOwn(builtInModels, name)
      ? { config: builtInModels[name] }
      : await loadBase(await baseFolder(name, listener)),
  )
}

/** Returns the fingerprint of a base's weights. */
export const fingerprintOf = async (name: string): Promise<string> =>
  (await loadBase(await baseFolder(name))).fingerprint

/** Returns the configuration of the method that trained an adapter. */
export async function loadCheckpointMethod(checkpoint: string, base: string): Promise<MethodConfig> {
  return (await loadAdapter(checkpoint, await loadBase(await baseFolder(base)))).method
}
