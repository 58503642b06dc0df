import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FakeRepo } from './fake-repos.ts'

/** A request that a server received. */
export interface Received {
  /** `hub`, or `cdn` for the other host that stores large files. */
  host: 'hub' | 'cdn'
  method: string
  path: string
  range?: string
  authorization?: string
}

/** A handler that may answer a request instead of the hub. @returns true if it does */
export type Fault = (received: Received, response: ServerResponse, request: IncomingMessage) => boolean

export interface FakeHub {
  readonly endpoint: string
  readonly cdn: string
  /** The only token that is valid. */
  readonly token: string
  readonly repos: Map<string, FakeRepo>
  /** Large files that were uploaded, by their SHA-256. */
  readonly uploads: Map<string, Buffer>
  readonly received: Received[]
  /** Called in turn for each request. */
  readonly faults: Fault[]
  /** Adds a repository with the files of a folder, or these files. @returns its commit */
  add(name: string, files: string | Readonly<Record<string, Buffer>>, branch?: string): string
  /** Stops to listen, as if the network were gone. */
  close(): Promise<void>
}
