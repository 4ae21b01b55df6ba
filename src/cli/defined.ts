/** An object without its undefined fields, as `exactOptionalPropertyTypes` wants them. */
export type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** A copy without the fields that are undefined: from parsed flags to an options record. */
export function defined<T extends object>(fields: T): Defined<T> {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as Defined<T>;
}
