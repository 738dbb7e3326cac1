/* What clipembed's elements attach to buffers, for every application and element: the CLIP embedding of a frame, and
 * the mark that says that a frame is worth embedding.
 *
 *   pkg-config gstreamer-clipmeta-1.0;  Python: gi.require_version("GstClipMeta", "1.0")
 *
 * Both metas are kept by buffer copies, by converters and scalers (their only tag is "video"), and by unixfdsink and
 * other users of gst_meta_serialize(). A receiving process restores only metas that are registered there, until
 * GStreamer 1.28, which finds them in the installed plugin. Before that, call gst_clip_embedding_meta_get_info() and
 * gst_clip_mark_meta_get_info() after gst_init(), or have an element of ours in the pipeline, or load the plugin:
 *
 *   gst-launch-1.0 --gst-plugin-load=/usr/lib/.../gstreamer-1.0/libgstclipembed.so unixfdsrc ...
 *
 * A meta belongs to its buffer and is not to be changed; adding one needs a writable buffer. Reading is safe in any
 * thread that holds the buffer.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Linux and macOS need no other spelling for users of the library. */
#define GST_CLIP_META_API GST_API_EXPORT

/**
 * GST_CLIP_NO_SCENE:
 *
 * Scene index of a frame that was not chosen out of a scene.
 *
 * Since: 0.1
 */
#define GST_CLIP_NO_SCENE (-1)

/**
 * GST_CLIP_NO_SCORE:
 *
 * Score of a frame that was chosen without one.
 *
 * Since: 0.1
 */
#define GST_CLIP_NO_SCORE (-1)

/**
 * GST_CLIP_NO_ENTROPY:
 *
 * Entropy of a frame that was chosen without measuring it.
 *
 * Since: 0.1
 */
#define GST_CLIP_NO_ENTROPY (-1)

/**
 * GST_CLIP_EMBEDDING_MAX_DIM:
 *
 * The most floats that an embedding may have.
 *
 * Since: 0.1
 */
#define GST_CLIP_EMBEDDING_MAX_DIM 65536

/* ---- the embedding of a frame ------------------------------------------------------------------------------------ */

typedef struct GstClipEmbeddingMeta GstClipEmbeddingMeta;

/**
 * GstClipEmbeddingMeta:
 * @meta: parent
 * @model: what computed the embedding: a hub id such as `openai/clip-vit-base-patch32`, or a directory
 * @embedding: (array length=dim): the vector, @dim floats in host byte order
 * @dim: number of floats, 1 to #GST_CLIP_EMBEDDING_MAX_DIM
 * @normalized: whether the vector's Euclidean length is 1
 * @reason: why the frame was embedded: `every`, `interval`, `scene`, `marked`, or the reason of the mark, such as `cut`
 * @scene_index: number of the scene that the frame stands for, from 0, or #GST_CLIP_NO_SCENE
 * @score: finite, 0 or more, larger is better, on the scale of who chose the frame; or #GST_CLIP_NO_SCORE
 *
 * The CLIP image embedding of the frame in the buffer. A buffer may carry several, of different models or of the same
 * one, in the order in which they were added; C code visits them all with gst_buffer_iterate_meta_filtered() and
 * #GST_CLIP_EMBEDDING_META_API_TYPE.
 *
 * Strings are UTF-8. They, @embedding and @dim are %NULL and 0 only where a buffer pool has cleared the meta.
 *
 * Since: 0.1
 */
struct GstClipEmbeddingMeta {
  GstMeta meta;

  const gchar* model;
  const gfloat* embedding;
  guint dim;
  gboolean normalized;
  const gchar* reason;
  gint scene_index;
  gdouble score;

  /*< private >*/
  GBytes* bytes; /* holds the vector, and is shared by copies of the meta */
};

/**
 * GST_CLIP_EMBEDDING_META_API_TYPE: (skip)
 */
#define GST_CLIP_EMBEDDING_META_API_TYPE (gst_clip_embedding_meta_api_get_type())

/**
 * GST_CLIP_EMBEDDING_META_INFO: (skip)
 */
#define GST_CLIP_EMBEDDING_META_INFO (gst_clip_embedding_meta_get_info())

GST_CLIP_META_API
GType gst_clip_embedding_meta_api_get_type(void);

/**
 * gst_clip_embedding_meta_get_info:
 *
 * The first call registers the meta, which makes this process able to receive it from others.
 *
 * Returns: (transfer none): the meta's description
 *
 * Since: 0.1
 */
GST_CLIP_META_API
const GstMetaInfo* gst_clip_embedding_meta_get_info(void);

/**
 * gst_buffer_add_clip_embedding_meta:
 * @buffer: a writable buffer
 * @model: hub id or directory of the model; copied, what is not UTF-8 in it replaced
 * @embedding: (array length=dim): the vector; copied
 * @dim: number of floats, 1 to #GST_CLIP_EMBEDDING_MAX_DIM
 * @normalized: whether the vector's Euclidean length is 1
 * @reason: why the frame was embedded; copied, what is not UTF-8 in it replaced
 * @scene_index: number of the scene from 0, or #GST_CLIP_NO_SCENE
 * @score: finite and 0 or more, or #GST_CLIP_NO_SCORE
 *
 * Adds an embedding to those that the buffer may carry already. Arguments out of range are a programming error: a
 * critical warning, and nothing is added.
 *
 * Returns: (transfer none) (nullable): the meta, owned by @buffer
 *
 * Since: 0.1
 */
GST_CLIP_META_API
GstClipEmbeddingMeta* gst_buffer_add_clip_embedding_meta(GstBuffer* buffer, const gchar* model, const gfloat* embedding,
                                                         guint dim, gboolean normalized, const gchar* reason,
                                                         gint scene_index, gdouble score);

/**
 * gst_buffer_get_clip_embedding_meta:
 * @buffer: a buffer
 *
 * Returns: (transfer none) (nullable): the first embedding that was added to @buffer
 *
 * Since: 0.1
 */
GST_CLIP_META_API
GstClipEmbeddingMeta* gst_buffer_get_clip_embedding_meta(GstBuffer* buffer);

/**
 * gst_buffer_get_clip_embedding_meta_of_model:
 * @buffer: a buffer
 * @model: a model, spelled as in #GstClipEmbeddingMeta.model
 *
 * Returns: (transfer none) (nullable): the first embedding of @model that was added to @buffer
 *
 * Since: 0.1
 */
GST_CLIP_META_API
GstClipEmbeddingMeta* gst_buffer_get_clip_embedding_meta_of_model(GstBuffer* buffer, const gchar* model);

/**
 * gst_clip_embedding_meta_get_embedding:
 * @meta: an embedding
 * @dim: (out): number of floats
 *
 * The vector, for languages that cannot read #GstClipEmbeddingMeta.embedding.
 *
 * Returns: (array length=dim) (transfer none): as long as the meta lives
 *
 * Since: 0.1
 */
GST_CLIP_META_API
const gfloat* gst_clip_embedding_meta_get_embedding(const GstClipEmbeddingMeta* meta, guint* dim);

/**
 * gst_clip_embedding_meta_as_bytes:
 * @meta: an embedding
 *
 * The vector without a copy, and outliving the buffer; in Python, `numpy.frombuffer(meta.as_bytes().get_data(),
 * numpy.float32)`.
 *
 * Returns: (transfer full): 4 * #GstClipEmbeddingMeta.dim bytes, floats in host byte order
 *
 * Since: 0.1
 */
GST_CLIP_META_API
GBytes* gst_clip_embedding_meta_as_bytes(const GstClipEmbeddingMeta* meta);

/* ---- the mark ---------------------------------------------------------------------------------------------------- */

typedef struct GstClipMarkMeta GstClipMarkMeta;

/**
 * GstClipMarkMeta:
 * @meta: parent
 * @reason: why the frame was chosen, such as `cut`; `clipembed` hands it on with the embedding
 * @scene_index: number of the scene that the frame stands for, from 0, or #GST_CLIP_NO_SCENE
 * @score: finite, 0 or more, larger is better, on the scale of who chose the frame; or #GST_CLIP_NO_SCORE
 * @entropy: of the frame's luma histogram, in bits, 0 to 8; or #GST_CLIP_NO_ENTROPY
 *
 * Says that the frame in the buffer is worth embedding. `clipselect` sets it on the frames it chooses, and so may any
 * application; `clipembed trigger=marked` embeds the frames that have it. Of several on one buffer the first counts.
 *
 * @reason is UTF-8, and %NULL only where a buffer pool has cleared the meta.
 *
 * Since: 0.1
 */
struct GstClipMarkMeta {
  GstMeta meta;

  const gchar* reason;
  gint scene_index;
  gdouble score;
  gdouble entropy;
};

/**
 * GST_CLIP_MARK_META_API_TYPE: (skip)
 */
#define GST_CLIP_MARK_META_API_TYPE (gst_clip_mark_meta_api_get_type())

/**
 * GST_CLIP_MARK_META_INFO: (skip)
 */
#define GST_CLIP_MARK_META_INFO (gst_clip_mark_meta_get_info())

GST_CLIP_META_API
GType gst_clip_mark_meta_api_get_type(void);

/**
 * gst_clip_mark_meta_get_info:
 *
 * The first call registers the meta, which makes this process able to receive it from others.
 *
 * Returns: (transfer none): the meta's description
 *
 * Since: 0.1
 */
GST_CLIP_META_API
const GstMetaInfo* gst_clip_mark_meta_get_info(void);

/**
 * gst_buffer_add_clip_mark_meta:
 * @buffer: a writable buffer
 * @reason: why the frame was chosen; copied, what is not UTF-8 in it replaced
 * @scene_index: number of the scene from 0, or #GST_CLIP_NO_SCENE
 * @score: finite and 0 or more, or #GST_CLIP_NO_SCORE
 * @entropy: 0 to 8, or #GST_CLIP_NO_ENTROPY
 *
 * Marks the frame as worth embedding. Arguments out of range are a programming error: a critical warning, and nothing
 * is added.
 *
 * Returns: (transfer none) (nullable): the meta, owned by @buffer
 *
 * Since: 0.1
 */
GST_CLIP_META_API
GstClipMarkMeta* gst_buffer_add_clip_mark_meta(GstBuffer* buffer, const gchar* reason, gint scene_index, gdouble score,
                                               gdouble entropy);

/**
 * gst_buffer_get_clip_mark_meta:
 * @buffer: a buffer
 *
 * Returns: (transfer none) (nullable): the first mark that was added to @buffer
 *
 * Since: 0.1
 */
GST_CLIP_META_API
GstClipMarkMeta* gst_buffer_get_clip_mark_meta(GstBuffer* buffer);

G_END_DECLS
