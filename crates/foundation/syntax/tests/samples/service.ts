import type { Request } from "./types";
import legacy = require("legacy");

/** Options. */
export interface Options<T> extends Base {
  name: string;
  load(id: number): Promise<T>;
}

export type Id = string | number;
export enum Color { Red, Green }

@Injectable()
export abstract class Service<T> implements Options<T> {
  private readonly cache = new Map<string, T>();
  constructor(private readonly url: string, public retries?: number) {}
  @Log()
  async load(id: number): Promise<T> { return fetch(this.url) as any; }
  abstract close(): void;
}

export namespace Geometry {
  export function area(w: number, h: number): number { return w * h; }
}

declare function external(name: string): void;
export default function (req: Request): void {}
