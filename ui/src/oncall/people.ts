/** People by their keys. Pure. */

import type { Person } from '@/api/oncall'

/** Names by key; whoever is not in the configuration (any more) is called by the key. */
export function nameFinder(people: readonly Person[]): (key: string) => string {
  const names = new Map(people.map(({ key, name }) => [key, name]))
  return (key) => names.get(key) ?? key
}
