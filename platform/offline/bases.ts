import { loadAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { T5_SMALL, type T5Config } from '../../model/t5/config.ts'

/** Shapes that need no folder. */
const builtIn: Readonly<Record<string, T5Config>> = { 't5-small': T5_SMALL }

/** The folder of a base: `embedded` is the one that comes with Graft. */
export const baseFolder = (name = 'embedded'): string => (name === 'embedded' ? embeddedBase : name)

/** The shape of a base: a built-in one by its name (`t5-small`), `embedded`, or that of a folder. */
export async function baseShape(name: string): Promise<T5Config> {
  return Object.hasOwn(builtIn, name) ? builtIn[name] : (await loadBase(baseFolder(name))).t5
}

/** What an adapter's folder says it trained. */
export async function checkpointMethod(checkpoint: string, base: string): Promise<MethodConfig> {
  return (await loadAdapter(checkpoint, await loadBase(baseFolder(base)))).method
}
