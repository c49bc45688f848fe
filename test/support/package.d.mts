export const vsixLimit: number;
export function packageExtension(file?: string): Promise<{ path: string; megabytes: number }>;
