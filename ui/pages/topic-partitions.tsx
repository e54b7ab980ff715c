// The partitions of a topic, and who reads it how far behind.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import type { TopicDetail } from '../../src/http/contract.ts'
import { formatBytes, formatCount } from '../format/number.ts'
import { useChannel } from '../live/page.ts'
import { Time } from '../parts/clock.tsx'
import { Card, Empty } from '../parts/surface.tsx'

export function TopicPartitions({ detail }: { detail: TopicDetail }): JSX.Element {
  const largest = Math.max(1, ...detail.partitionList.map((partition) => partition.sizeBytes))
  return (
    <div class="split">
      <Card title="Partitions" flush>
        <div class="table-scroll">
          <table class="table" aria-label="Partitions">
            <thead>
              <tr>
                <th scope="col">Partition</th>
                <th scope="col" class="number">
                  First offset
                </th>
                <th scope="col" class="number">
                  Next offset
                </th>
                <th scope="col" class="number medium-only">
                  Records
                </th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col" class="medium-only">
                  Last record
                </th>
              </tr>
            </thead>
            <tbody>
              {detail.partitionList.map((partition) => (
                <tr key={partition.partition}>
                  <td class="strong">{partition.partition}</td>
                  <td class="number">{formatCount(partition.startOffset)}</td>
                  <td class="number">{formatCount(partition.endOffset)}</td>
                  <td class="number medium-only">
                    {formatCount(partition.endOffset - partition.startOffset)}
                  </td>
                  <td class="number">
                    <span class="size-cell">
                      {formatBytes(partition.sizeBytes)}
                      <span class="bar-track" aria-hidden="true">
                        <span
                          class="bar-fill"
                          style={{ width: `${(partition.sizeBytes / largest) * 100}%` }}
                        />
                      </span>
                    </span>
                  </td>
                  <td class="minor medium-only">
                    <Time at={partition.lastAppendTime} form="ago" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
      <Readers readers={detail.readers} />
    </div>
  )
}

function Readers({ readers }: { readers: TopicDetail['readers'] }): JSX.Element {
  const data = useChannel('apps').data.value
  const apps = new Set(data?.kind === 'apps' ? data.apps.map((app) => app.id) : [])
  return (
    <Card title="Readers" note="apps and consumer groups" flush>
      {readers.length === 0 ? (
        <Empty icon="apps" title="Nobody reads this topic" small>
          Apps and groups appear here with their lag.
        </Empty>
      ) : (
        <table class="table" aria-label="Readers">
          <thead>
            <tr>
              <th scope="col">Group</th>
              <th scope="col" class="number">
                Lag
              </th>
            </tr>
          </thead>
          <tbody>
            {readers.map(({ group, lag }) => (
              <tr key={group}>
                <td class="strong">
                  {apps.has(group) ? <Link href={`/apps/${encodeURIComponent(group)}`}>{group}</Link> : group}
                </td>
                <td class="number">{formatCount(lag)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}
