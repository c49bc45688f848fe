import type { RelationName } from './model.js';

/** A map by schema and name. Two levels, since making one key of both costs more than all else in 60,000 tables. */
export class RelationMap<T> {
  readonly #schemas = new Map<string, Map<string, T>>();

  get({ schema, name }: RelationName): T | undefined {
    return this.#schemas.get(schema)?.get(name);
  }

  set({ schema, name }: RelationName, value: T): void {
    const names = this.#schemas.get(schema);
    if (names) names.set(name, value);
    else this.#schemas.set(schema, new Map([[name, value]]));
  }

  get isEmpty(): boolean {
    return this.#schemas.size === 0;
  }
}
