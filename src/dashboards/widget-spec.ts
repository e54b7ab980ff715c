// What a valid widget is. Dashboards come from user code in another process, and later from files: everything is checked
// once, here, so that views and the browser can trust a spec.
import { BrokerError } from '#base'
import type { WidgetKind, WidgetSpec } from './api.ts'
import { pointsPerWidgetMax } from './series-view.ts'

/** Answers what the value must be, or null if it is. */
type Check = (value: unknown) => string | null
type Rule = { readonly for: readonly WidgetKind[]; readonly check: Check }

export const rowsLimitMax = 1_000
const columnsMax = 50
const fieldsMax = 20
const fieldLengthMax = 200

const text = (lengthMax: number): Check => {
  return (value) =>
    typeof value === 'string' && value.trim() !== '' && value.length <= lengthMax
      ? null
      : `a text of 1 to ${lengthMax} characters`
}
const finite: Check = (value) =>
  typeof value === 'number' && Number.isFinite(value) ? null : 'a finite number'
const whole = (min: number, max: number): Check => {
  return (value) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? null
      : `a whole number from ${min} to ${max}`
}
const truth: Check = (value) => (typeof value === 'boolean' ? null : 'true or false')
const oneOf = (...allowed: readonly string[]): Check => {
  return (value) => (allowed.includes(value as string) ? null : `one of ${allowed.join(', ')}`)
}
const listOf = (each: Check, countMax: number): Check => {
  return (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.length > countMax)
      return `a list of 1 to ${countMax}`
    const wrong = value.map(each).find((wanted) => wanted !== null)
    return wrong === undefined ? null : `a list in which each is ${wrong}`
  }
}
/** An object with these fields and no other. */
const shape = (
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>>,
): Check => {
  return (value) => {
    if (typeof value !== 'object' || value === null) return 'an object'
    const unknown = Object.keys(value).find((name) => !(name in required) && !(name in optional))
    if (unknown !== undefined) {
      return `an object without "${unknown}" (it takes ${Object.keys({ ...required, ...optional }).join(', ')})`
    }
    for (const [name, check] of [...Object.entries(required), ...Object.entries(optional)]) {
      const inner = (value as Record<string, unknown>)[name]
      if (inner === undefined && name in optional) continue
      const wanted = check(inner)
      if (wanted !== null) return `an object whose ${name} is ${wanted}`
    }
    return null
  }
}

const field = text(fieldLengthMax)
const fieldOrFields: Check = (value) =>
  Array.isArray(value) ? listOf(field, fieldsMax)(value) : field(value)
const numberFormat = { unit: text(20), unitPosition: oneOf('prefix', 'suffix'), decimals: whole(0, 20) }

const kinds: readonly WidgetKind[] = ['stat', 'line', 'area', 'bar', 'table']
const charts: readonly WidgetKind[] = ['line', 'area']
const drawn: readonly WidgetKind[] = ['stat', 'line', 'area', 'bar']
const keyed: readonly WidgetKind[] = ['bar', 'table']

const rules = {
  id: { for: kinds, check: text(200) },
  kind: { for: kinds, check: oneOf(...kinds) },
  title: { for: kinds, check: text(200) },
  description: { for: kinds, check: text(2_000) },
  topic: { for: kinds, check: text(249) },
  unit: { for: drawn, check: numberFormat.unit },
  unitPosition: { for: drawn, check: numberFormat.unitPosition },
  decimals: { for: drawn, check: numberFormat.decimals },
  x: { for: ['stat', ...charts], check: field },
  y: { for: drawn, check: fieldOrFields },
  by: { for: kinds, check: field },
  min: { for: [...charts, 'bar'], check: finite },
  max: { for: [...charts, 'bar'], check: finite },
  thresholds: {
    for: drawn,
    check: listOf(shape({ at: finite, tone: oneOf('good', 'warn', 'bad') }, { label: text(80) }), 20),
  },
  pointsMax: { for: charts, check: whole(1, pointsPerWidgetMax) },
  spanMs: { for: charts, check: whole(1, Number.MAX_SAFE_INTEGER) },
  stacked: { for: charts, check: truth },
  sparkline: { for: ['stat'], check: truth },
  reduce: { for: ['stat'], check: oneOf('last', 'sum', 'min', 'max', 'mean') },
  latestWindow: { for: keyed, check: truth },
  limit: { for: keyed, check: whole(1, rowsLimitMax) },
  sortBy: { for: keyed, check: field },
  sortDescending: { for: keyed, check: truth },
  columns: {
    for: ['table'],
    check: listOf(shape({ field }, { label: text(80), time: truth, ...numberFormat }), columnsMax),
  },
  width: { for: kinds, check: whole(1, 12) },
  height: { for: kinds, check: whole(1, 24) },
} satisfies Record<keyof WidgetSpec, Rule>

/** Throws `invalid_request` that names the widget, the option and what it must be. */
export function checkWidget(spec: WidgetSpec): void {
  const name = typeof spec.id === 'string' ? spec.id : '(without an id)'
  for (const required of ['id', 'kind', 'title', 'topic'] as const) {
    if (spec[required] === undefined) throw invalid(name, `has no ${required}`)
  }
  for (const [option, value] of Object.entries(spec)) {
    if (value === undefined) continue
    const rule: Rule | undefined = Object.hasOwn(rules, option)
      ? rules[option as keyof typeof rules]
      : undefined
    if (!rule?.for.includes(spec.kind) && option !== 'kind') {
      throw invalid(
        name,
        `does not know the option "${option}"`,
        `a ${spec.kind} takes ${optionsOf(spec.kind).join(', ')}`,
      )
    }
    const wanted = rule?.check(value)
    if (wanted) {
      throw invalid(
        name,
        `has ${option}: ${show(value)}, which is not ${wanted}`,
        `give ${option} as ${wanted}`,
      )
    }
  }
  checkTogether(name, spec)
}

/** Conditions between options. A bound of 0 is a bound. */
function checkTogether(name: string, spec: WidgetSpec): void {
  if (spec.kind !== 'table' && spec.y === undefined) {
    throw invalid(name, 'has no y', 'name the field to show: y: "count"')
  }
  if ((spec.kind === 'stat' || spec.kind === 'bar') && Array.isArray(spec.y) && spec.y.length > 1) {
    throw invalid(
      name,
      `shows ${spec.y.length} fields`,
      `a ${spec.kind} shows one field: use one widget for each`,
    )
  }
  if (spec.min !== undefined && spec.max !== undefined && spec.min >= spec.max) {
    throw invalid(name, `has min ${spec.min} and max ${spec.max}`, 'min must be below max')
  }
  if (spec.kind === 'bar' && spec.sortBy !== undefined && !['value', 'key'].includes(spec.sortBy)) {
    throw invalid(name, `has sortBy: ${show(spec.sortBy)}`, 'bars are sorted by "value" or "key"')
  }
}

function optionsOf(kind: WidgetKind): string[] {
  return Object.entries<Rule>(rules)
    .filter(([option, rule]) => rule.for.includes(kind) && !['id', 'kind', 'topic'].includes(option))
    .map(([option]) => (option === 'spanMs' ? 'span' : option))
}

function invalid(widget: string, what: string, fix?: string): BrokerError {
  return new BrokerError('invalid_request', `widget "${widget}" ${what}`, fix === undefined ? {} : { fix })
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return (JSON.stringify(value) ?? String(value)).slice(0, 80)
}
