import type { GestureDone, MappingGesture, MappingMessage } from '../../src/protocol/mappingPanel.js';

/** Sends a gesture; resolves to why nothing was changed, if so. */
export type Send = (gesture: MappingGesture) => Promise<string | undefined>;

export interface Gestures {
  readonly send: Send;
  done(message: GestureDone): void;
}

/** Gestures on their way to the host, by request. */
export function makeGestures(
  post: (message: MappingMessage) => void,
  failed: (problem: string | undefined) => void,
): Gestures {
  const waiting = new Map<number, (problem: string | undefined) => void>();
  let last = 0;
  return {
    send: (gesture) => {
      last += 1;
      const request = last;
      post({ type: 'gesture', request, gesture });
      return new Promise((resolve) => waiting.set(request, resolve));
    },
    done({ request, problem }) {
      failed(problem);
      waiting.get(request)?.(problem);
      waiting.delete(request);
    },
  };
}
