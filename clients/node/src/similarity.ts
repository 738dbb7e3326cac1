/**
 * The cosine of the angle between two vectors of the same length, from -1 to 1: how alike two pictures are.
 * Throws a RangeError where the lengths differ or a vector is all zeros.
 */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`vectors of ${a.length} and ${b.length} numbers cannot be compared`);
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa === 0 || bb === 0) throw new RangeError("a vector of zeros has no direction");
  return Math.max(-1, Math.min(1, dot / Math.sqrt(aa * bb)));
}
