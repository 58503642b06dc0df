import { BlockList, isIPv6 } from 'node:net'

/**
 * The networks that are not part of the public internet: this machine, private and shared networks, link-local
 * addresses with the metadata services of clouds, and what IPv6 can wrap around them (IANA's registries of
 * special-purpose addresses).
 */
const special = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(network, bits, 'ipv4')

/** The part of IPv6 that is in public use, and the networks in it that are not. */
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(network, bits, 'ipv6')

/** Returns whether an IP address belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  if (!isIPv6(address)) return !special.check(address, 'ipv4')
  const plain = address.split('%')[0]
  // Node looks up IPv4-mapped addresses in the IPv4 networks, but they are not global unicast, and no name needs them.
  return globalUnicast.check(plain, 'ipv6') && !special.check(plain, 'ipv6')
}
