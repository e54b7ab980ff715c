// Division that rounds down, also below zero, where JavaScript's `%` and `Math.trunc` are wrong for times before 1970.

/** `floorDiv(-1, 10) -> -1` */
export function floorDiv(value: number, by: number): number {
  return Math.floor(value / by)
}

/** `mod(-1, 10) -> 9` */
export function mod(value: number, by: number): number {
  const rest = value % by
  return rest < 0 ? rest + by : rest
}

/** The greatest `k * step + offset` that is at most `value`: `floorTo(-1, 10, 0) -> -10`. Exact for safe integers. */
export function floorTo(value: number, step: number, offset: number): number {
  return value - mod(value - offset, step)
}
