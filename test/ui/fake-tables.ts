// State of apps that do not exist, for the pages that look into it.
import type { TablePosition, TableRow, TableRows, TableSummary } from '../../src/http/contract.ts'

const regions = ['east', 'north', 'south', 'south-east', 'west', '<img src=x onerror=alert(1)>']
const position = (): TablePosition => ({
  task: 'orders-0',
  inputs: [{ topic: 'orders', partition: 0, next: 12_345 }],
  changelog: { topic: 'quickstart.orders.changelog', partition: 0, next: 1_234 },
  watermark: Date.now() - 4_000,
})

export function fakeTables(empty: boolean): TableSummary[] {
  if (empty) return []
  const common = { app: 'quickstart', state: 'running', more: false, positions: [position()] } as const
  return [
    {
      ...common,
      name: 'quickstart.totals',
      node: 'totals',
      kind: 'aggregate',
      label: 'orders = count, total = sum(amount)',
      key: 'region',
      columns: ['orders', 'total'],
      rows: regions.length,
    },
    {
      ...common,
      name: 'quickstart.per-minute',
      node: 'per-minute',
      kind: 'window',
      label: 'tumbling 1m, grace 10s',
      key: 'region',
      columns: ['n'],
      rows: regions.length,
    },
  ]
}

export function fakeRows(table: string, query: URLSearchParams): TableRows {
  const prefix = query.get('prefix') ?? ''
  const start = Math.floor(Date.now() / 60_000) * 60_000
  const rows = regions.toSorted().map((key, index): TableRow => {
    const at = Date.now() - index * 1_700
    if (table.endsWith('totals'))
      return { key, at, value: { orders: 1_200 + index * 31, total: 84_120.5 + index } }
    return { key, at, window: { start, end: start + 60_000 }, value: { n: 17 + index } }
  })
  return {
    rows: rows.filter(({ key }) => String(key).startsWith(prefix)),
    next: null,
    positions: [position()],
  }
}
