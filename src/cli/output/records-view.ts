// Records as rows.
import type { RecordJson } from '../answers.ts'
import type { View } from './output.ts'
import { timeText } from './text-forms.ts'

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

export const recordsView: View<RecordJson> = {
  name: (record) => `${record.partition}:${record.offset}`,
  columns: [
    { title: 'partition', of: (record) => record.partition, right: true },
    { title: 'offset', of: (record) => record.offset, right: true, width: 8 },
    {
      title: 'timestamp',
      of: (record) => record.timestamp,
      show: (record) => timeText(record.timestamp),
      width: 24,
    },
    { title: 'headers', of: (record) => record.headers, wide: true },
    {
      title: 'key',
      of: (record) => record.key,
      show: (record) => (record.key === null ? '-' : shown(record.key)),
      width: 12,
    },
    { title: 'value', of: (record) => record.value, show: (record) => shown(record.value) },
  ],
}
