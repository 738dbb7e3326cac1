export { EmbeddingHttpClient } from "./client.js";
export type { EmbeddingHttpClientOptions, EmbedOptions, Progress, RequestOptions } from "./client.js";
export {
  EmbeddingConnectionError,
  EmbeddingError,
  EmbeddingFileError,
  EmbeddingHttpError,
  EmbeddingProcessingError,
  EmbeddingProtocolError,
  EmbeddingTimeoutError,
} from "./errors.js";
export type { EmbeddingErrorCode } from "./errors.js";
export type { FileMetadata } from "./media_file.js";
export type { RetryPolicy } from "./retry.js";
export { EmbeddingService } from "./service.js";
export type { FileEmbedding } from "./service.js";
export { cosineSimilarity } from "./similarity.js";
export type {
  DebugMetadata,
  EmbeddingFailure,
  EmbeddingResult,
  EmbeddingSuccess,
  EmbedParameters,
  FailureMetadata,
  FrameEmbedding,
  Gpu,
  GpuMetrics,
  Health,
} from "./types.js";
