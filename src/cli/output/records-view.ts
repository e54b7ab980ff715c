// Records as rows.
import type { RecordRow } from '../record-texts.ts'
import type { View } from './output.ts'
import { timeText } from './text-forms.ts'

const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
/** A text for people is the text; everything else is as it was stored. */
const shownValue = ({ record, valueText }: RecordRow) =>
  typeof record.value === 'string' ? record.value : valueText

export const recordsView: View<RecordRow> = {
  name: ({ record }) => `${record.partition}:${record.offset}`,
  fields: ['encoding'],
  data: ({ record }) => record,
  json: ({ text }) => text,
  fieldJson: ({ valueText }, field) => (field === 'value' ? valueText : undefined),
  columns: [
    { title: 'partition', of: ({ record }) => record.partition, right: true },
    { title: 'offset', of: ({ record }) => record.offset, right: true, width: 8 },
    {
      title: 'timestamp',
      of: ({ record }) => record.timestamp,
      show: ({ record }) => timeText(record.timestamp),
      width: 24,
    },
    { title: 'headers', of: ({ record }) => record.headers, wide: true },
    {
      title: 'key',
      of: ({ record }) => record.key,
      show: ({ record }) => (record.key === null ? '-' : shown(record.key)),
      width: 12,
    },
    {
      title: 'value',
      of: (row) => (row.record.value === null ? null : shownValue(row)),
      show: shownValue,
    },
  ],
}
