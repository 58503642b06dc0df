import { fail } from '../../core/errors.ts'
import type { Platform } from '../platform.ts'
import type { PageRequest } from '../schemas/common.ts'
import type { Key, KeyList, KeyRequest, NewKey } from '../schemas/keys.ts'
import * as rows from '../store/api-keys.ts'
import { shownKey } from './to-api.ts'

/**
 * Makes a key, which is told this once.
 * @throws GraftError `body_invalid` where the first key is not one of an admin, who alone could make others
 */
export async function createKey({ store }: Pick<Platform, 'store'>, request: KeyRequest): Promise<NewKey> {
  return store.transaction(async (tx) => {
    if (!request.scopes.includes('admin') && !(await rows.hasApiKeys(tx, 'admin')))
      fail('body_invalid', {
        subject: 'scopes',
        expected: 'admin among those of the first key',
        found: request.scopes.join(', '),
        fix: 'Make a key with the scope admin first: without one, nobody could make or revoke keys.',
      })
    const { key, secret } = await rows.createApiKey(tx, request)
    return { ...shownKey(key), secret }
  })
}

/** The newest first, revoked ones among them. */
export async function listKeys({ store }: Pick<Platform, 'store'>, request: PageRequest = {}): Promise<KeyList> {
  const page = await rows.listApiKeys(store.db, request)
  return { ...page, data: page.data.map(shownKey) }
}

/** @throws GraftError `key_unknown`; `in_use` for the last key of an admin while there are others */
export async function revokeKey({ store }: Pick<Platform, 'store'>, id: string): Promise<Key> {
  return store.transaction(async (tx) => {
    const key = await rows.revokeApiKey(tx, id)
    if ((await rows.hasApiKeys(tx)) && !(await rows.hasApiKeys(tx, 'admin')))
      fail('in_use', {
        subject: `the key ${key.name}`,
        expected: 'another key with the scope admin',
        found: 'none, though there are keys of other scopes',
        fix: 'Revoke the others first, or make another key with the scope admin.',
      })
    return shownKey(key)
  })
}
