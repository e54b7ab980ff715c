// Records as rows: offset, time, key, value in one line each.
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { RecordJson } from '../../src/http/contract.ts'
import { formatCount } from '../format/number.ts'
import { Time } from '../parts/clock.tsx'
import { narrow } from '../parts/narrow.ts'
import { Preview } from '../parts/preview.tsx'
import { recordId } from './browse.ts'

/** Rows in the page at once: thousands would make every scroll slow. */
const rowsDrawn = 400

export function MessageTable(props: {
  records: readonly RecordJson[]
  /** The topic has several partitions: say which. */
  several: boolean
  open?: RecordJson | null
  onOpen: (record: RecordJson) => void
}): JSX.Element {
  const { several, open, onOpen } = props
  const [drawn, setDrawn] = useState(rowsDrawn)
  return (
    <div class="table-scroll">
      <table class="table compact rows messages" aria-label="Records">
        <thead>
          <tr>
            {several && (
              <th scope="col" class="number">
                Partition
              </th>
            )}
            <th scope="col" class="number">
              Offset
            </th>
            <th scope="col">Time</th>
            <th scope="col" class="medium-only">
              Key
            </th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {props.records.slice(0, drawn).map((record) => (
            <tr
              key={recordId(record)}
              class={open && recordId(open) === recordId(record) ? 'open' : undefined}
              onClick={() => onOpen(record)}
            >
              {several && <td class="number minor">{record.partition}</td>}
              <td class="number">
                <button type="button" class="link" aria-label={`Open record ${recordId(record)}`}>
                  {record.offset}
                </button>
              </td>
              <td class="minor">
                <Time at={record.timestamp} form={narrow.value ? 'clock' : 'full'} />
              </td>
              <td class="mono key medium-only">
                <Preview value={record.key} lengthMax={60} />
              </td>
              <td class="mono wide">
                {record.encoding?.value && <span class="tag">base64</span>} <Preview value={record.value} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {props.records.length > drawn && (
        <button type="button" class="table-more" onClick={() => setDrawn(drawn + rowsDrawn)}>
          Show more of {formatCount(props.records.length)} loaded
        </button>
      )}
    </div>
  )
}
