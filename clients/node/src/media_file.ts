// Files on this machine: what is known about them, and their content as a stream.
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, extname } from "node:path";

import { EmbeddingFileError } from "./errors.js";

const mimeTypes: Record<string, string> = {
  ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif", ".heic": "image/heic", ".heif": "image/heif",
  ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".jxl": "image/jxl", ".png": "image/png", ".tif": "image/tiff",
  ".tiff": "image/tiff", ".webp": "image/webp",
  ".3gp": "video/3gpp", ".avi": "video/x-msvideo", ".flv": "video/x-flv", ".m2ts": "video/mp2t", ".m4v": "video/mp4",
  ".mkv": "video/x-matroska", ".mov": "video/quicktime", ".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mpg": "video/mpeg",
  ".mts": "video/mp2t", ".ogv": "video/ogg", ".ts": "video/mp2t", ".webm": "video/webm", ".wmv": "video/x-ms-wmv",
};

export interface FileMetadata {
  /** Without its folders. */
  name: string;
  /** In bytes. */
  size: number;
  /** By the name's ending; application/octet-stream where that says nothing. The service goes by content instead. */
  mime: string;
  mtime: Date;
}

/** Throws EmbeddingFileError where there is no regular file. */
export async function fileMetadata(path: string): Promise<FileMetadata> {
  let stats;
  try {
    stats = await stat(path);
  } catch (error) {
    throw new EmbeddingFileError(path, whyUnreadable(error), error);
  }
  if (!stats.isFile()) throw new EmbeddingFileError(path, "not a regular file", undefined);
  const mime = mimeTypes[extname(path).toLowerCase()] ?? "application/octet-stream";
  return { name: basename(path), size: stats.size, mime, mtime: stats.mtime };
}

/** A form whose one part is read from disk while it is sent; good for one request. */
export async function fileForm(path: string): Promise<FormData> {
  const { name, mime } = await fileMetadata(path);
  const form = new FormData();
  try {
    form.append("file", await openAsBlob(path, { type: mime }), name);
  } catch (error) {
    throw new EmbeddingFileError(path, whyUnreadable(error), error);
  }
  return form;
}

function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  // openAsBlob's only word for a file that is there and cannot be opened.
  if (code === "EACCES" || code === "EPERM" || code === "ERR_INVALID_ARG_VALUE") return "permission denied";
  return message;
}
