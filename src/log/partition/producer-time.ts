// The time that producers are forgotten by. The wall clock may be wrong by decades for a while, and who was silent only
// by such a clock must not be forgotten: a retry would be stored twice. Append times that a leap has touched tell the same
// story after a restart. So a step from one frame to the next counts for no more than a small part of the expiry: it takes
// many frames, over that much time, until anybody is silent too long. It never goes back, and counts alike in the log and in
// its recovery, from append times alone. Where it falls behind the world, producers are remembered for longer.

/** No producer is forgotten for its silence within fewer frames. */
const expiryStepsMin = 24

/** Of a frame, or of what a checkpoint covers. */
export type ProducerMoment = { readonly appendTime: number; readonly producerTime: number }

export function producerTimeAt(before: ProducerMoment, appendTime: number, expiryMs: number): number {
  const stepMsMax = Math.max(0, Math.floor(expiryMs / expiryStepsMin))
  const stepMs = Math.max(0, appendTime - before.appendTime)
  return before.producerTime + Math.min(stepMs, stepMsMax)
}
