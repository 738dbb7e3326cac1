// EmbeddingService: what an application calls. Embeddings with what is known about their files, and how alike they are.
import { EmbeddingHttpClient, type EmbedOptions, type RequestOptions } from "./client.js";
import { EmbeddingFileError } from "./errors.js";
import { fileMetadata, type FileMetadata } from "./media_file.js";
import { cosineSimilarity } from "./similarity.js";
import type { EmbeddingResult, EmbeddingSuccess, Health } from "./types.js";

/** An answer with its file; `file` is null where the file cannot be read, and then `error` says so. */
export type FileEmbedding = EmbeddingResult & { path: string; file: FileMetadata | null };

export class EmbeddingService {
  constructor(private readonly client: EmbeddingHttpClient = new EmbeddingHttpClient()) {}

  /** Embeds one file. Rejects with an EmbeddingError where that fails. */
  async getEmbedding(path: string, options: EmbedOptions = {}): Promise<EmbeddingSuccess & { path: string; file: FileMetadata }> {
    const file = await fileMetadata(path);
    return { path, file, ...(await this.client.getEmbedding(path, options)) };
  }

  /** Embeds many files: one entry for each path, in their order. A file that fails does not fail the others. */
  async getEmbeddings(paths: readonly string[], options: EmbedOptions = {}): Promise<FileEmbedding[]> {
    const files = await Promise.all(paths.map(metadataOrNull));
    const results = await this.client.getEmbeddings(paths, options);
    return paths.map((path, i) => ({ path, file: files[i] ?? null, ...(results[path] as EmbeddingResult) }));
  }

  async checkHealth(options: RequestOptions = {}): Promise<Health> {
    return await this.client.health(options);
  }

  /** Resolves once the service takes requests; rejects after `timeoutMs`, 60 000 by default. */
  async waitUntilReady(options: RequestOptions & { timeoutMs?: number } = {}): Promise<void> {
    await this.client.waitUntilReady(options);
  }

  /** How alike two embeddings are, from -1 to 1. */
  similarity(a: ArrayLike<number>, b: ArrayLike<number>): number {
    return cosineSimilarity(a, b);
  }
}

async function metadataOrNull(path: string): Promise<FileMetadata | null> {
  try {
    return await fileMetadata(path);
  } catch (error) {
    if (error instanceof EmbeddingFileError) return null;
    throw error;
  }
}
