// Arithmetic on embeddings, as Float32Array.

export function lengthOf(vector) {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}

/** The cosine of the angle between two vectors: 1 the same direction, 0 unrelated. NaN where one has no direction. */
export function cosine(a, b) {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i] * b[i];
  return Math.min(1, Math.max(-1, dot / (lengthOf(a) * lengthOf(b))));
}

/** The places of the smallest and the largest number. */
export function extremes(vector) {
  let low = 0;
  let high = 0;
  for (let i = 1; i < vector.length; i++) {
    if (vector[i] < vector[low]) low = i;
    if (vector[i] > vector[high]) high = i;
  }
  return { low, high };
}
