import { join } from 'node:path'
import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { Model } from '../../model/architecture.ts'
import { builtInModels, modelOf } from '../../model/architectures.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'

/** The name of the adapter that comes with the embedded base. */
export const READY_ADAPTER = 'film'

/** Its folder. */
export const readyAdapter: string = join(embeddedBase, READY_ADAPTER)

/** Returns the folder of a base. `embedded`, the default, is the base that comes with Graft. */
export const baseFolder = (name = 'embedded'): string => (name === 'embedded' ? embeddedBase : name)

/** Returns the model of a base: `t5-small`, which is built in, `embedded`, or a folder. */
export async function describeBase(name: string): Promise<Model> {
  return modelOf(
    Object.hasOwn(builtInModels, name) ? { config: builtInModels[name] } : await loadBase(baseFolder(name)),
  )
}

/** Returns the fingerprint of a base's weights. */
export const fingerprintOf = async (name: string): Promise<string> => (await loadBase(baseFolder(name))).fingerprint

/** Returns the configuration of the method that trained an adapter. */
export async function loadCheckpointMethod(checkpoint: string, base: string): Promise<MethodConfig> {
  return (await loadAdapter(checkpoint, await loadBase(baseFolder(base)))).method
}
