// What decides the meaning of a node's state: as long as it stays the same, the state can be kept.
import { formatDuration } from '#base'
import type { Node, WindowNode } from './node.ts'
import { keyAbove, type Shape } from './placement.ts'

export function shapeOf(node: Node): Shape {
  const key = node.parents[0] === undefined ? undefined : keyAbove(node.parents[0])
  const common = { kind: node.kind, ...(key === undefined ? {} : { key }) }
  if (node.kind === 'dedupe')
    return { ...common, window: `dedupe by ${node.by === undefined ? 'key' : 'a part'}` }
  if (node.kind === 'process') return { ...common, columns: columnsOf(node.state) }
  if (node.kind !== 'window' && node.kind !== 'aggregate') return common
  const columns = columnsOf(node.aggregates)
  const version = node.version === undefined ? {} : { version: node.version }
  return node.kind === 'aggregate'
    ? { ...common, ...version, columns }
    : {
        ...common,
        ...version,
        columns,
        window: `${extentOf(node.window)}${sharesPanes(node) ? ' panes' : ''}`,
      }
}

/** Aggregates, or states of a process handler, in the order of their names, each with its kind. */
export function columnsOf(
  aggregates: Readonly<Record<string, { readonly kind: string }>>,
): (readonly [name: string, kind: string])[] {
  return Object.entries(aggregates)
    .map(([name, { kind }]) => [name, kind] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** What decides which rows a window holds. Grace and a longest session decide about rows to come only. */
export function extentOf(window: WindowNode['window']): string {
  return boundsOf(window) + (window.time === 'processing' ? ' processing' : '')
}

function boundsOf(window: WindowNode['window']): string {
  switch (window.kind) {
    case 'session':
      return `session ${window.gapMs}`
    case 'sliding':
      return `sliding ${window.sizeMs}`
    default:
      return `${window.kind} ${window.sizeMs} ${window.hopMs} ${window.offsetMs}`
  }
}

/** Panes pay where a row would otherwise be folded into several windows. */
export function sharesPanes({ window, emit }: WindowNode): boolean {
  if (window.kind !== 'hopping' || emit.kind !== 'on-close') return false
  return window.sizeMs > window.hopMs && window.sizeMs % window.hopMs === 0
}

/** Why state of one shape is of no use to the other; null: it can be kept. */
export function whyUseless(stored: Shape, wanted: Shape): string | null {
  const [before, after] = [stored.version ?? 1, wanted.version ?? 1]
  if (before !== after) return `its version was ${before} and is now ${after}`
  if (stored.kind !== wanted.kind) return `it was a ${stored.kind} and is now a ${wanted.kind}`
  if (stored.window !== wanted.window && `${stored.window} panes` !== wanted.window) {
    const what = wanted.kind === 'window' ? 'its windows were' : 'it was a'
    const now = wanted.kind === 'window' ? 'are now' : 'is now a'
    return `${what} ${windowText(stored.window)} and ${now} ${windowText(wanted.window)}`
  }
  if (wanted.kind === 'process' ? clash(stored, wanted) : isOther(stored.columns, wanted.columns)) {
    return `its columns were ${columnsText(stored)} and are now ${columnsText(wanted)}`
  }
  if (stored.key !== undefined && wanted.key !== undefined && stored.key !== wanted.key) {
    return `it was grouped by ${stored.key} and is now by ${wanted.key}`
  }
  if (JSON.stringify(stored.partitions) !== JSON.stringify(wanted.partitions)) {
    return `its rows are brought together over ${partitionsText(wanted)}, and were over ${partitionsText(stored)}`
  }
  return null
}

const isOther = (a: Shape['columns'], b: Shape['columns']): boolean => JSON.stringify(a) !== JSON.stringify(b)

/** States come and go, but one of a name must stay of its kind. */
function clash(stored: Shape, wanted: Shape): boolean {
  const kinds = new Map(stored.columns ?? [])
  return (wanted.columns ?? []).some(([name, kind]) => (kinds.get(name) ?? kind) !== kind)
}

const columnsText = ({ columns = [] }: Shape): string =>
  columns.map(([name, of]) => `${name} (${of})`).join(', ')

const partitionsText = ({ partitions = [] }: Shape): string => {
  const counts = partitions.filter((count) => count !== null)
  return counts.length === 0 ? 'those of its topic' : `${counts.join(' and ')} partitions`
}

/** `tumbling 60000 60000 0 -> tumbling 1m` */
function windowText(extent: string | undefined): string {
  const [kind = 'none', size, hop, offset] = (extent ?? '').split(' ')
  if (!Number.isFinite(Number(size))) return extent ?? kind
  const shown = [formatDuration(Number(size))]
  if (kind === 'hopping') shown.push(`every ${formatDuration(Number(hop))}`)
  if (Number(offset) > 0) shown.push(`offset ${formatDuration(Number(offset))}`)
  if (extent?.includes('processing')) shown.push('of processing time')
  return `${kind} ${shown.join(' ')}${extent?.endsWith(' panes') ? ' on close' : ''}`
}
