// Which nodes keep state between rows.
import type { Node } from './node.ts'

export function isStateful(node: {
  readonly kind: Node['kind'] | 'repartition' | 'repartition-source'
}): boolean {
  switch (node.kind) {
    case 'window':
    case 'aggregate':
    case 'generator':
    case 'join':
    case 'async':
    case 'dedupe':
    case 'process':
    case 'lookup':
    case 'as-of':
    case 'table-join':
      return true
    default:
      return false
  }
}
