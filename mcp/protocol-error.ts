import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { Problem } from '../platform/schemas/common.ts'

/** Returns a problem as a JSON-RPC error, for any request that is not a tool call. */
export function toProtocolError(problem: Problem): ProtocolError {
  const code = problem.status >= 500 ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams
  return new ProtocolError(code, `${problem.code}: ${problem.detail} ${problem.fix}`, problem)
}
