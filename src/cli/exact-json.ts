// Parses JSON without rounding: a number that JavaScript cannot hold stays the text it was, and is written as that text
// again. Ids of 64 bits live in many people's records: 9007199254740993 must not come out as ...992, nor 1e400 as null.

const longDigits = /\d{16}/
/** Numbers that may exceed what a double holds or writes. Rare, so that almost every text takes the fast way. */
const mayBeChanged = /\d{16}|\d[eE][+-]?\d{3}|-0(?![1-9A-Za-df-z-])/

type Source = { readonly source?: string }
type RawJson = { rawJSON(text: string): unknown; isRawJSON(value: unknown): value is { rawJSON: string } }
const raw = JSON as unknown as RawJson

/** As `JSON.parse`, but `JSON.stringify(parseExact(text))` keeps every digit. */
export function parseExact(text: string): unknown {
  if (!mayBeChanged.test(text)) return JSON.parse(text)
  return JSON.parse(text, ((_key: string, value: unknown, { source }: Source = {}) => {
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value
    return isKept(value, source) ? value : raw.rawJSON(source)
  }) as (key: string, value: unknown) => unknown)
}

/** Whether the double means what the text says, up to how it is written. */
function isKept(value: number, source: string): boolean {
  if (!Number.isFinite(value) || Object.is(value, -0)) return false
  if (value === 0) return /^[0.]+(?:[eE]|$)/.test(source)
  return Number.isSafeInteger(value) || !longDigits.test(source)
}

/** The same value for writers that know nothing of such numbers: they become texts, which keep every digit too. */
export function withTextsForLongNumbers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (raw.isRawJSON(value)) return value.rawJSON
  if (Array.isArray(value)) return value.map(withTextsForLongNumbers)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTextsForLongNumbers(item)]))
}
