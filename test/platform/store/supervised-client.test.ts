import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import pg from 'pg'
import { expect, test } from 'vitest'
import { supervisedClient } from '../../../platform/store/embedded/supervised-client.ts'

/** Returns a message of PostgreSQL's protocol: a type, a length and a content. */
function message(type: string, content: string | Buffer): Buffer {
  const body = Buffer.from(content)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(4 + body.length)
  return Buffer.concat([Buffer.from(type), length, body])
}

test('a server that ends a connection in the moment in which it accepts it is an error of the query', async () => {
  const authenticated = message('R', Buffer.alloc(4))
  const ready = message('Z', 'I')
  const shutdown = message('E', 'SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, shutdown])))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const Client = supervisedClient({ ensure: async () => {}, distrust: () => {} })
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'graft', ssl: false, Client } as pg.PoolConfig)
  pool.on('error', () => {})
  await expect(pool.query('select 1')).rejects.toThrow(/terminat|not queryable/)
  await pool.end()
  server.close()
})
