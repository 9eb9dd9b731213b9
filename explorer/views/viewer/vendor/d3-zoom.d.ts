// What the viewer uses of d3-zoom.js, for tools that check types.
export interface Transform {
  readonly k: number;
  readonly x: number;
  readonly y: number;
  apply(point: [number, number]): [number, number];
  invert(point: [number, number]): [number, number];
  invertX(x: number): number;
  invertY(y: number): number;
  translate(x: number, y: number): Transform;
  scale(k: number): Transform;
}
type Extent = [[number, number], [number, number]];
export interface Selection {
  selectAll(selector: string): Selection;
  call(behaviour: Function, ...args: unknown[]): Selection;
  style(name: string, value: string | null): Selection;
  on(types: string, listener: null | ((event: any) => void)): Selection;
}
export interface Zoom extends Function {
  extent(of: () => Extent): Zoom;
  filter(accepts: (event: any) => boolean): Zoom;
  on(types: string, listener: (event: { transform: Transform; sourceEvent: Event | null }) => void): Zoom;
  duration(milliseconds: number): Zoom;
  scaleExtent(extent: [number, number]): Zoom;
  translateExtent(): Extent;
  translateExtent(extent: Extent): Zoom;
  constrain(): (transform: Transform, extent: Extent, translateExtent: Extent) => Transform;
  transform(selection: Selection, transform: Transform): void;
  scaleTo(selection: Selection, k: number, point?: [number, number]): void;
  translateBy(selection: Selection, x: number, y: number): void;
  translateTo(selection: Selection, x: number, y: number, point?: [number, number]): void;
}
export interface Drag extends Function {
  container(element: Element): Drag;
  subject(of: () => { x: number; y: number }): Drag;
  on(types: string, listener: (event: { x: number; y: number }) => void): Drag;
}
export const zoomIdentity: Transform;
export function zoom(): Zoom;
export function drag(): Drag;
export function select(element: Element): Selection;
