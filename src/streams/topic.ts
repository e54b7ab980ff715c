// A topic as an app declares it.
export type TopicHandle<V> = { readonly name: string; readonly accepts?: (value: V) => void }
