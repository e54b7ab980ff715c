// A key or a value on one line: nothing, an empty text and the word "null" are three different things.
import type { JSX } from 'preact'
import { previewOf } from '../format/record.ts'
import { visibleText } from '../format/text.ts'

export function Preview({ value, lengthMax }: { value: unknown; lengthMax?: number }): JSX.Element {
  if (value === null || value === undefined) return <em class="faint">null</em>
  if (value === '') return <span class="faint">""</span>
  return <bdi>{visibleText(previewOf(value, lengthMax))}</bdi>
}
