// What a tool covers of a λ map's blocks: a share for each block, row by row, 1 where it takes the tool's strength wholly
// and 0 where it stays as it is. Points are in blocks, from the picture's corner.

/** @typedef {{ rows: number, columns: number }} Grid */
/** @typedef {{ x: number, y: number }} Point */

const HALF = 0.5; // of a block: how far a stroke's dabs are from each other, at most
const CORE = 0.5; // of a soft brush's radius: what it covers wholly

/** @param {Grid} grid */
export function nothing({ rows, columns }) {
  return new Float32Array(rows * columns);
}

// A brush of `size` blocks lies on whole blocks: its middle is that of one or, where the size is even, a corner.
/** @param {Point} point @param {number} size @returns {Point} */
export function snapped({ x, y }, size) {
  const snap = size % 2 ? (at) => Math.floor(at) + HALF : Math.round;
  return { x: snap(x), y: snap(y) };
}

// Adds one dab to what is covered. A block belongs to it by its middle; a soft brush covers less towards its edge.
/** @param {Float32Array} cover @param {Grid} grid @param {Point} point @param {{ size: number, soft: boolean }} brush */
export function dab(cover, grid, point, { size, soft }) {
  const { x, y } = snapped(point, size);
  const radius = size / 2;
  const share = (distance) => Math.min(1, (radius + HALF - distance) / (radius + HALF - CORE * radius));
  for (const { at, middle } of blocksAround(grid, { x, y }, radius)) {
    const distance = Math.hypot(middle.x - x, middle.y - y);
    if (distance <= radius) cover[at] = Math.max(cover[at], soft ? share(distance) : 1);
  }
}

function* blocksAround({ rows, columns }, { x, y }, radius) {
  const [top, left] = [y, x].map((at) => Math.max(0, Math.floor(at - radius)));
  for (let row = top; row < Math.min(rows, y + radius); row++) {
    for (let column = left; column < Math.min(columns, x + radius); column++) {
      yield { at: row * columns + column, middle: { x: column + HALF, y: row + HALF } };
    }
  }
}

// The points of dabs on the way between two, without the first and with the last.
/** @param {Point} from @param {Point} to @returns {Point[]} */
export function between(from, to) {
  const count = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / HALF));
  return Array.from({ length: count }, (_, i) => {
    const share = (i + 1) / count;
    return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
  });
}

// All blocks that a rectangle between two points touches.
/** @param {Grid} grid @param {Point} a @param {Point} b */
export function rectangle(grid, a, b) {
  const within = (at, one, other) => at >= Math.floor(Math.min(one, other)) && at <= Math.max(one, other);
  return filled(grid, (column, row) => Number(within(column, a.x, b.x) && within(row, a.y, b.y)));
}

// Whole up to the line across `from`, nothing from the line across `to` on, even between them.
/** @param {Grid} grid @param {Point} from @param {Point} to */
export function gradient(grid, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  if (!length) return nothing(grid);
  const along = (column, row) => ((column + HALF - from.x) * dx + (row + HALF - from.y) * dy) / length;
  return filled(grid, (column, row) => Math.min(1, Math.max(0, 1 - along(column, row))));
}

// A disc in the middle, of a quarter of the picture's area. picture: in pixels.
/** @param {Grid} grid @param {{ width: number, height: number }} picture @param {number} block pixels a side */
export function centre(grid, picture, block) {
  const [width, height] = [picture.width / block, picture.height / block];
  const radius = Math.sqrt((width * height) / 4 / Math.PI);
  const [x, y] = [width / 2, height / 2];
  const isIn = (column, row) => Math.hypot(column + HALF - x, row + HALF - y) <= Math.max(radius, Math.SQRT1_2);
  return filled(grid, (column, row) => Number(isIn(column, row)));
}

function filled(grid, share) {
  return nothing(grid).map((_, at) => share(at % grid.columns, Math.floor(at / grid.columns)));
}

// The steps that a tool's strength makes of others.
/** @param {Int8Array} steps @param {Float32Array} cover @param {number} strength in steps; 0 erases */
export function painted(steps, cover, strength) {
  return steps.map((step, at) => Math.round(step + (strength - step) * cover[at]));
}

// The borders of the blocks where values change by at least so much: lines [x0, y0, x1, y1] in blocks. beyond: the value
// outside the picture; without it the picture's edge is no border.
/** @param {Grid} grid @param {ArrayLike<number>} values @param {number} [least] @param {number} [beyond] @returns {number[][]} */
export function borders({ rows, columns }, values, least = 1, beyond = NaN) {
  const lines = [];
  const value = (row, column) => (row >= 0 && row < rows && column >= 0 && column < columns ? values[row * columns + column] : beyond);
  const isBorder = (one, other) => Math.abs(one - other) >= least;
  for (let row = 0; row <= rows; row++) {
    for (let column = 0; column <= columns; column++) {
      const here = value(row, column);
      if (column < columns && isBorder(here, value(row - 1, column))) lines.push([column, row, column + 1, row]);
      if (row < rows && isBorder(here, value(row, column - 1))) lines.push([column, row, column, row + 1]);
    }
  }
  return lines;
}
