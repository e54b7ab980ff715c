// The versions of an app that was deployed: when each came, and what it did to the one before.
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { AppStatus, AppVersion } from '../../src/http/contract.ts'
import { api } from '../api/client.ts'
import { formatCount } from '../format/number.ts'
import { Time } from '../parts/clock.tsx'
import { Badge, Card, type Tone } from '../parts/surface.tsx'

type NodeChange = AppVersion['change']['nodes'][number]

/** Older ones are a click away. */
const shownMax = 5

export function AppVersions({ app }: { app: AppStatus }): JSX.Element | null {
  const [versions, setVersions] = useState<readonly AppVersion[]>([])
  const [all, setAll] = useState(false)
  useEffect(() => {
    if (app.version === null) return
    const leaving = new AbortController()
    // Whoever may not see them has the rest of the page; what else goes wrong is said by the page's own link.
    api.appVersions(app.id, leaving.signal).then(setVersions, () => setVersions([]))
    return () => leaving.abort()
  }, [app.id, app.version])
  if (app.version === null || versions.length === 0) return null
  const shown = all ? versions : versions.slice(0, shownMax)
  return (
    <Card
      title="Versions"
      note={`pspf app rollback ${app.id} puts the one before back`}
      class="versions-card"
      flush
    >
      <ol class="versions" aria-label="Versions">
        {shown.map((version) => (
          <Version key={version.version} version={version} isCurrent={version.version === app.version} />
        ))}
      </ol>
      {shown.length < versions.length && (
        <button type="button" class="button subtle versions-more" onClick={() => setAll(true)}>
          {versions.length - shown.length} older
        </button>
      )}
    </Card>
  )
}

function Version({ version, isCurrent }: { version: AppVersion; isCurrent: boolean }): JSX.Element {
  const { change, restores } = version
  const told = change.nodes.filter(({ what }) => what !== 'kept')
  const kept = change.nodes.length - told.length
  return (
    <li class="version">
      <div class="version-head">
        <strong>Version {version.version}</strong>
        {isCurrent && <Badge tone="good">runs</Badge>}
        {restores !== null && <span class="faint">version {restores} again</span>}
        <span class="version-gap" />
        <span class="faint">
          <Time at={version.deployedAt} />
        </span>
      </div>
      <ul class="version-changes">
        {told.map((node) => (
          <li key={node.name}>
            <Badge tone={tones[node.what]}>{node.what}</Badge>
            <span>
              <strong>{node.name}</strong> <span class="faint">{reason(node)}</span>
            </span>
          </li>
        ))}
        {kept > 0 && (
          <li class="faint">
            {told.length === 0 ? 'Other code; ' : ''}
            {formatCount(kept)} {kept === 1 ? 'node keeps its' : 'nodes keep their'} state and position
          </li>
        )}
      </ul>
    </li>
  )
}

const tones = {
  kept: 'idle',
  added: 'info',
  rebuilt: 'warn',
  refused: 'bad',
  orphaned: 'idle',
} satisfies Record<NodeChange['what'], Tone>

function reason({ what, why, label, from }: NodeChange): string {
  const records = from.reduce((sum, one) => sum + one.records, 0)
  const topics = [...new Set(from.map(({ topic }) => topic))].join(' and ')
  const read = records > 0 ? `read ${formatCount(records)} records of ${topics} first` : ''
  return [what === 'added' ? label : why, read].filter((text) => text !== '').join('; ')
}
