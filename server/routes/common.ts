import { json } from '../route.ts'

/** Of a parameter in an address. */
export const ID = (thing: string) => `id or name of ${thing}`

export const PAGE = 'Leave both out for the newest; a page tells the next in next_cursor.'

/** Of the header with which a request may be repeated without doing its work twice. */
export const IDEMPOTENCY = {
  'idempotency-key':
    'a text of your own, 1 to 200 characters: the same key with the same request is answered as the first time',
}

/** A thing was made; `location` leads to it. */
export const created = (list: string, thing: { id: string }): Response =>
  json(thing, { status: 201, headers: { location: `${list}/${thing.id}` } })
