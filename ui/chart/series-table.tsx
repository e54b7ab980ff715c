// The same points as a table, newest first: for reading without sight or mouse, and for copying.
import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import type { NumberFormat, SeriesData } from '../../src/http/contract.ts'
import { formatValue } from '../format/number.ts'
import { visibleText } from '../format/text.ts'
import { Time } from '../parts/clock.tsx'
import { alignSeries } from './align.ts'

const pageRows = 50

export function SeriesTable(props: {
  name: string
  series: readonly SeriesData[]
  format: NumberFormat
  spanMs: number | null
}): JSX.Element {
  const { series, spanMs } = props
  const [rows, setRows] = useState(pageRows)
  const { x, ys } = useMemo(() => alignSeries(series, spanMs), [series, spanMs])
  const newest = Array.from({ length: Math.min(rows, x.length) }, (_, index) => x.length - 1 - index)
  return (
    <div class="table-scroll">
      <table class="table compact" aria-label={props.name}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map((one) => (
              <th key={one.name} scope="col" class="number">
                {visibleText(one.name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {newest.map((row) => (
            <tr key={x[row]}>
              <td>
                <Time at={x[row]} />
              </td>
              {ys.map((column, index) => (
                <td key={series[index]!.name} class="number">
                  {formatValue(column[row], props.format)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {x.length > rows && (
        <button type="button" class="link" onClick={() => setRows(rows + pageRows)}>
          Show {Math.min(pageRows, x.length - rows)} more of {x.length}
        </button>
      )}
    </div>
  )
}
