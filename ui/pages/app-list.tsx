// The same operators as a list: for reading without the picture.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import type { AppStatus } from '../../src/http/contract.ts'
import { formatCount, formatRate } from '../format/number.ts'
import { Icon } from '../parts/icon.tsx'
import { Tag } from '../parts/surface.tsx'
import { iconOf, type RateOf } from './app-graph.tsx'
import { isTopic } from './graph-shape.ts'

export function OperatorList({ app, rateOf }: { app: AppStatus; rateOf: RateOf }): JSX.Element {
  const stats = new Map(app.nodes.map((node) => [node.id, node]))
  const targets = (id: string) => app.graph.edges.filter(([from]) => from === id).map(([, to]) => to)
  const rate = (value: number | null) => (value === null ? '–' : `${formatRate(value)} /s`)
  return (
    <div class="table-scroll">
      <table class="table" aria-label={`Operators of ${app.id}`}>
        <thead>
          <tr>
            <th scope="col">Operator</th>
            <th scope="col" class="medium-only">
              What it does
            </th>
            <th scope="col" class="medium-only">
              Goes to
            </th>
            <th scope="col" class="number">
              In
            </th>
            <th scope="col" class="number">
              Out
            </th>
            <th scope="col" class="number medium-only">
              Total in
            </th>
            <th scope="col" class="number">
              Late
            </th>
            <th scope="col" class="number medium-only">
              Dropped
            </th>
            <th scope="col" class="number">
              Errors
            </th>
          </tr>
        </thead>
        <tbody>
          {app.graph.nodes.map((node) => {
            const known = stats.get(node.id)
            return (
              <tr key={node.id}>
                <td>
                  <span class="name-cell">
                    <Icon name={iconOf(node.kind)} size={14} />
                    <span class="strong">{node.id}</span>
                    {node.stateful && (
                      <Link
                        href={`/apps/${encodeURIComponent(app.id)}?view=state&node=${encodeURIComponent(node.id)}`}
                      >
                        <Tag>state</Tag>
                      </Link>
                    )}
                  </span>
                </td>
                <td class="medium-only">
                  {node.topic !== undefined && isTopic(node) ? (
                    <Link href={`/topics/${encodeURIComponent(node.topic)}`}>{node.topic}</Link>
                  ) : (
                    node.label
                  )}
                </td>
                <td class="minor medium-only">{targets(node.id).join(', ')}</td>
                <td class="number">{rate(rateOf(node.id, 'in'))}</td>
                <td class="number">{rate(rateOf(node.id, 'out'))}</td>
                <td class="number medium-only">{formatCount(known?.recordsIn ?? 0)}</td>
                <td class="number">{formatCount(known?.late ?? 0)}</td>
                <td class="number medium-only">{formatCount(known?.dropped ?? 0)}</td>
                <td class="number">{formatCount(known?.errors ?? 0)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
