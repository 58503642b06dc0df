import { existsSync } from 'node:fs'

/**
 * True if the tests run as on a machine without optional peers. Set GRAFT_TEST_NO_PEERS=1 to hide those that are here.
 */
export const peersHidden: boolean = process.env.GRAFT_TEST_NO_PEERS === '1'

/** Returns whether a peer is installed at this path and not hidden. */
export const hasPeer = (path: string): boolean => !peersHidden && existsSync(path)
