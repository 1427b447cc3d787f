/**
 * Where an address in the way of Alertmanager leads, `/#/alerts?receiver=team`, as notices have it in the place that
 * Alertmanager's templates give it; null for any other address. Takes and gives paths with query and hash.
 */
export function pathOfHash(fullPath: string): string | null {
  return /^\/(?:\?[^#]*)?#(\/[a-z][^#]*)$/i.exec(fullPath)?.[1] ?? null
}
