// How a command says why it failed: one line with what, why and how to fix it, or the same as JSON for machines.
import { BrokerError, toError } from '#base'
import { exitCodeFor } from './exit-codes.ts'
import { NodeFailure } from './node-failure.ts'
import { harmless, type Paint } from './output/style.ts'
import { ClosedPipe, Interrupted } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** The text for stderr, or '' where silence is right. */
export function describeFailure(thrown: unknown, style: { json: boolean; paint: Paint }): string {
  if (thrown instanceof ClosedPipe || thrown instanceof Interrupted) return ''
  const error = toError(thrown)
  const code =
    thrown instanceof BrokerError ? thrown.code : thrown instanceof UsageError ? 'usage' : 'internal'
  const known = thrown instanceof BrokerError || thrown instanceof UsageError || thrown instanceof NodeFailure
  const fix = known ? thrown.fix : undefined
  if (style.json) {
    return `${JSON.stringify({ error: error.message, code, ...(fix ? { fix } : {}), exitCode: exitCodeFor(thrown) })}\n`
  }
  const { paint } = style
  const frame = thrown instanceof BrokerError ? thrown.details['frame'] : undefined
  const parts = [`${paint.red('error:')} ${harmless(error.message, true)}`]
  if (fix) parts.push(`${paint.cyan('fix:')} ${harmless(fix, true)}`)
  const lines = [`${parts.join(' | ')} ${paint.dim(`[${code}]`)}`]
  if (typeof frame === 'string') lines.push(harmless(frame, true))
  // A failure without a code is a bug of ours: whoever reports it needs the place.
  if (!known && error.stack) lines.push(paint.dim(error.stack))
  return `${lines.join('\n')}\n`
}
