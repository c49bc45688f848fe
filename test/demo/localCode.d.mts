export function hasDesktop(): boolean;
export function findLocalCode(): string | undefined;
