interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

// May be called once only, and nothing else in the page may get hold of it.
const api = acquireVsCodeApi();

/** A typed channel to the extension host, and the page's own state, which outlives hiding and reloading. */
export function connectHost<Out, In, State extends object>(onMessage: (message: In) => void) {
  window.addEventListener('message', (event: MessageEvent<In>) => onMessage(event.data));
  let state = { ...(api.getState() as Partial<State> | undefined) };
  return {
    post: (message: Out) => api.postMessage(message),
    state: (): Partial<State> => state,
    keep: (part: Partial<State>) => {
      state = { ...state, ...part };
      api.setState(state);
    },
  };
}
