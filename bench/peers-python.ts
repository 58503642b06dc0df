import { existsSync } from 'node:fs'

/** The Python of the peers, which bench/peers/setup.sh installs. */
export const peersPython = 'bench/peers/.venv/bin/python'

/** @throws Error if the peers are not installed */
export function requirePeers(): void {
  if (!existsSync(peersPython)) throw new Error('The peers are not installed. Run bench/peers/setup.sh first.')
}
