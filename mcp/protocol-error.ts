import { ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'
import type { Problem } from '../platform/schemas/common.ts'

/** A problem as an error of JSON-RPC, for what is no call of a tool. */
export function protocolError(problem: Problem): ProtocolError {
  const code = problem.status >= 500 ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams
  return new ProtocolError(code, `${problem.code}: ${problem.detail} ${problem.fix}`, problem)
}
