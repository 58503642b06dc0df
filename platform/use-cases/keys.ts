import { fail } from '../../core/errors.ts'
import type { Platform } from '../platform.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Key, KeyList, KeyRequest, NewKey } from '../schemas/keys.ts'
import { hasApiKeys, insertApiKey, revokeApiKey, selectApiKeyPage } from '../store/api-keys.ts'
import { forgetAnswers } from './access.ts'
import { toKey } from './to-api.ts'

/**
 * Creates a key. Its secret is returned only this once.
 * @throws GraftError `body_invalid` if there is no admin key yet and the new key is not one, because only an admin key
 *   can create others
 */
export async function createKey({ store }: Pick<Platform, 'store'>, request: KeyRequest): Promise<NewKey> {
  const created = await store.transaction(async (tx) => {
    if (!request.scopes.includes('admin') && !(await hasApiKeys(tx, 'admin')))
      fail('body_invalid', {
        subject: 'scopes',
        expected: 'the scope admin, because this is the first key',
        found: request.scopes.join(', '),
        fix: 'Create a key with the scope admin first. Without one, nobody could create or revoke keys.',
      })
    const { key, secret } = await insertApiKey(tx, request)
    return { ...toKey(key), secret }
  })
  forgetAnswers(store)
  return created
}

/** Lists keys, newest first. Revoked keys are included. */
export async function listKeys({ store }: Pick<Platform, 'store'>, request: PageRequest = {}): Promise<KeyList> {
  const page = await selectApiKeyPage(store.db, request)
  return { ...page, data: page.data.map(toKey) }
}

/** @throws GraftError `key_unknown`; `in_use` if it is the last admin key and there are other keys */
export async function revokeKey({ store }: Pick<Platform, 'store'>, id: string): Promise<Key> {
  const revoked = await store.transaction(async (tx) => {
    const key = await revokeApiKey(tx, id)
    if ((await hasApiKeys(tx)) && !(await hasApiKeys(tx, 'admin')))
      fail('in_use', {
        subject: `the key ${key.name}`,
        problem: 'is the last key with the scope admin, but there are keys with other scopes',
        fix: 'Revoke the other keys first, or create another key with the scope admin.',
      })
    return toKey(key)
  })
  forgetAnswers(store)
  return revoked
}
