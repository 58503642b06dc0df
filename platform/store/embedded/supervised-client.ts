import pg from 'pg'
import { StartFailed } from './start-failed.ts'
import type { Supervisor } from './supervisor.ts'

/** Returns the class of a connection that starts the server first, if it does not run. */
export const supervisedClient = (supervisor: Pick<Supervisor, 'ensure' | 'distrust'>): typeof pg.Client =>
  class extends pg.Client {
    override connect(): Promise<pg.Client>
    override connect(callback: (error: Error) => void): void
    override connect(callback?: (error: Error) => void): Promise<pg.Client> | undefined {
      // A pool listens when the promises below have settled. The server may end the connection before, and an error
      // that nobody hears ends the process.
      this.on('error', () => {})
      const connected = supervisor
        .ensure()
        .then(() => super.connect().catch(throwStopped))
        .catch((error) => {
          supervisor.distrust()
          throw error
        })
      if (!callback) return connected
      connected.then(() => callback(undefined as never), callback)
      return undefined
    }
  }

/** Throws the error of a connection. A server that has stopped in order has removed its socket. */
function throwStopped(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? new StartFailed(error.message) : error
}
