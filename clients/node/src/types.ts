// What the service answers, field for field as it is on the wire (its /openapi.json), and what it can be asked.

/** How an answer came about, where there is no vector. Times are in milliseconds. */
export interface FailureMetadata {
  /** The model and the device it runs on, as "openai/clip-vit-base-patch32 - cpu". */
  model?: string;
  enable_augmentation?: boolean;
  /** When the answer was ready: UTC, ISO 8601, ending in Z. */
  timestamp: string;
  /** The service's own, or the X-Request-ID that was sent. */
  request_id: string;
  /** From when the file had arrived. */
  processing_time_ms: number;
}

/** How an embedding came about. Older services leave out the optional times. */
export interface DebugMetadata extends FailureMetadata {
  model: string;
  enable_augmentation: boolean;
  queue_time_ms?: number;
  decode_time_ms?: number;
  preprocess_time_ms?: number;
  inference_time_ms?: number;
  /** From here to `decoder`, for videos only: how many frames were embedded. */
  num_frames?: number;
  method_used?: "thorough" | "keyframes";
  scene_count?: number;
  /** The embedded frames' positions in the video, in seconds. */
  selected_times?: number[];
  /** Their luma's entropies, in bits; null where it was not looked at. */
  entropy_values?: (number | null)[];
  /** The GStreamer element that decoded it. */
  decoder?: string;
  /** Something was wrong with the file, and there is a vector all the same. */
  warning?: string;
}

/** One embedded frame of a video, with `detail: "frames"`. */
export interface FrameEmbedding {
  /** Its position in the video, in seconds. */
  time: number;
  reason: "cut" | "salient" | "coverage" | "interval";
  /** The shot it is in, from 0; -1 where shots were not looked for. */
  scene: number;
  /** What the frames of a shot are ranked by, 0 to 1; null where they were not. */
  score: number | null;
  /** Of its luma's histogram, in bits; null where it was not looked at. */
  entropy: number | null;
  embedding: number[];
}

export interface EmbeddingSuccess {
  /** As many numbers as the model has dimensions: 512 for ViT-B/32. L2-normalised unless `normalize: false` was asked for. */
  embedding: number[];
  debugMetadata: DebugMetadata;
  error: null;
  detail: null;
  /** With `detail: "frames"` only. */
  frames?: FrameEmbedding[];
}

export interface EmbeddingFailure {
  embedding: null;
  debugMetadata: FailureMetadata | null;
  /** A short label, as "Unsupported file type". */
  error: string;
  /** The cause. */
  detail: string | null;
}

/** One file's answer; `embedding` and `error` tell success from failure. */
export type EmbeddingResult = EmbeddingSuccess | EmbeddingFailure;

/** How to embed. What is left out is the service's default. */
export interface EmbedParameters {
  /** Into how many equal parts a video is cut, each with one frame at least. The service's default is 30. */
  frames?: number;
  /** `thorough` decodes every frame, `keyframes` only those; `auto` (default) goes by the video's length. */
  sampling?: "auto" | "thorough" | "keyframes";
  /** Default true. */
  normalize?: boolean;
  /** Averages several views of each picture. Default `none`. */
  augment?: "none" | "flip" | "five-crop";
  /** `frames` adds the frames of a video one by one. */
  detail?: "none" | "frames";
}

export interface Health {
  status: "ok" | "loading" | "draining" | "failed";
  /** With `failed`: why. */
  detail?: string;
  uptime_seconds: number;
  /** Files embedded since the start. */
  processed_files: number;
  gpu_available: boolean;
  model_loaded: boolean;
  model_name: string;
  /** "cpu", "cuda:0". */
  device: string;
  version?: string;
  /** Files that wait for a decode worker. */
  queue_depth?: number;
  active_requests?: number;
  /** Decode workers that live. */
  workers?: number;
}

/** GET /metrics/gpu: `error` where there is no GPU. */
export type GpuMetrics = { error: string } | { driver_version: string; gpus: Gpu[] };

export interface Gpu {
  index: number;
  name: string;
  memory_total_bytes: number;
  memory_used_bytes: number;
  memory_free_bytes: number;
  /** Null where the GPU does not tell. */
  utilization_percent: number | null;
  /** Of the memory's bandwidth. */
  memory_utilization_percent: number | null;
}
