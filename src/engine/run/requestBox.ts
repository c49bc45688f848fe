import type { FollowRequest } from '../../protocol/follow.js';
import type { Session } from '../postgres/session.js';

/**
 * What others ask of the run that follows `source` into a target. A request is taken out of the target once, also where
 * the connection breaks while that is done: what was seen and is gone afterwards was taken by us.
 */
export class RequestBox {
  /** By position: seen, and it is not known whether they are out of the target. */
  private readonly unsure = new Map<string, FollowRequest>();

  constructor(private readonly source: string) {}

  /** Oldest first. */
  async take(target: Session): Promise<FollowRequest[]> {
    const { rows } = await target.query<{ position: string; request: string }>(
      'SELECT position::text, request::text FROM flexferry.request WHERE source = $1 ORDER BY position',
      [this.source],
    );
    const there = new Set(rows.map(({ position }) => position));
    const gone = new Set([...this.unsure.keys()].filter((position) => !there.has(position)));
    for (const { position, request } of rows) this.unsure.set(position, JSON.parse(request) as FollowRequest);
    if (there.size > 0) {
      const out = await target.query<{ position: string }>(
        'DELETE FROM flexferry.request WHERE source = $1 AND position = ANY ($2::bigint[]) RETURNING position::text',
        [this.source, `{${[...there].join()}}`],
      );
      for (const { position } of out.rows) gone.add(position);
    }
    // One that is not among them was taken back meanwhile.
    const taken = [...this.unsure].filter(([position]) => gone.has(position));
    this.unsure.clear();
    return taken.sort(([one], [other]) => Number(one) - Number(other)).map(([, request]) => request);
  }
}
