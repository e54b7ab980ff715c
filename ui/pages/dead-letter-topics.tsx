// Topics of dead letters: how many wait, and what killed the newest.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import type { DeadLetterTopic } from '../../src/http/contract.ts'
import { useAsked } from '../api/asked.ts'
import { api } from '../api/client.ts'
import { formatBytes, formatCount } from '../format/number.ts'
import { visibleText } from '../format/text.ts'
import { Time } from '../parts/clock.tsx'
import { CommandLine } from '../parts/copy.tsx'
import { Badge, Card, Empty, SkeletonRows, Trouble } from '../parts/surface.tsx'

export function DeadLetterTopicsPage(): JSX.Element {
  const { answer, problem } = useAsked('dlq', api.deadLetterTopics)
  if (!answer) {
    return problem ? <Trouble problem={problem} title="Dead letters cannot be shown" /> : <SkeletonRows />
  }
  if (answer.length === 0) return <NoLetters />
  return (
    <Card flush>
      <div class="table-scroll">
        <table class="table rows" aria-label="Topics of dead letters">
          <thead>
            <tr>
              <th scope="col">Topic</th>
              <th scope="col">Waiting</th>
              <th scope="col" class="number medium-only">
                Replayed
              </th>
              <th scope="col" class="medium-only">
                Newest cause
              </th>
              <th scope="col" class="number wide-only">
                Size
              </th>
              <th scope="col" class="medium-only">
                Last letter
              </th>
            </tr>
          </thead>
          <tbody>
            {answer.map((topic) => (
              <TopicRow key={topic.topic} topic={topic} />
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  )
}

function TopicRow({ topic }: { topic: DeadLetterTopic }): JSX.Element {
  const [cause] = topic.causes
  return (
    <tr>
      <td>
        <Link class="strong" href={`/dlq/${encodeURIComponent(topic.topic)}`}>
          {topic.topic}
        </Link>
      </td>
      <td>
        {topic.waiting === 0 ? (
          <span class="minor">none</span>
        ) : (
          <Badge tone="warn">{formatCount(topic.waiting)}</Badge>
        )}
      </td>
      <td class="number medium-only">{formatCount(topic.replayed)}</td>
      <td class="wide medium-only">
        {cause ? (
          <>
            <span class="strong">{cause.node}</span> <span class="mono">{visibleText(cause.error)}</span>
          </>
        ) : (
          <span class="faint">–</span>
        )}
      </td>
      <td class="number wide-only">{formatBytes(topic.sizeBytes)}</td>
      <td class="minor medium-only">
        <Time at={topic.lastAppendTime} form="ago" />
      </td>
    </tr>
  )
}

function NoLetters(): JSX.Element {
  return (
    <Card>
      <Empty icon="check" title="No dead letters">
        <p>
          Records that an app cannot process stop it, unless it puts them aside. Say so behind the step that
          may throw, and they wait here with the reason:
        </p>
        <CommandLine text={".onError({ retry: 2, otherwise: 'dead-letter' })"} />
      </Empty>
    </Card>
  )
}
