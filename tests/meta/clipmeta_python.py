#!/usr/bin/env python3
"""GstClipMeta as Python and gst-launch-1.0 see it: clipmeta_python.py PLUGIN, with the typelib and the library in the
environment."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstAllocators", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstClipMeta", "1.0")
from gi.repository import Gst, GstAllocators, GstApp, GstClipMeta  # noqa: E402, F401

VECTOR = [0.5, -0.5, 0.25, -0.25]


def embed(buffer):
    GstClipMeta.buffer_add_clip_embedding_meta(buffer, "a/model", VECTOR, True, "scene", 7, 0.25)


class Buffers(unittest.TestCase):
    def test_reads_an_embedding(self):
        buffer = Gst.Buffer.new()
        self.assertIsNone(GstClipMeta.buffer_get_clip_embedding_meta(buffer))
        embed(buffer)
        meta = GstClipMeta.buffer_get_clip_embedding_meta(buffer)
        self.assertEqual(meta.get_embedding(), VECTOR)
        self.assertEqual(struct.unpack("=4f", meta.as_bytes().get_data()), tuple(VECTOR))
        self.assertEqual((meta.model, meta.dim, meta.normalized), ("a/model", 4, True))
        self.assertEqual((meta.reason, meta.scene_index, meta.score), ("scene", 7, 0.25))
        self.assertIsNone(GstClipMeta.buffer_get_clip_embedding_meta_of_model(buffer, "b/model"))

    def test_marks_a_frame(self):
        buffer = Gst.Buffer.new()
        GstClipMeta.buffer_add_clip_mark_meta(buffer, "cut", GstClipMeta.CLIP_NO_SCENE, GstClipMeta.CLIP_NO_SCORE,
                                              GstClipMeta.CLIP_NO_ENTROPY)
        mark = GstClipMeta.buffer_get_clip_mark_meta(buffer)
        self.assertEqual((mark.reason, mark.scene_index, mark.score, mark.entropy), ("cut", -1, -1.0, -1.0))


class Processes(unittest.TestCase):
    """A sender here, gst-launch-1.0 as the receiver."""

    def receive(self, *options):
        """What fakesink prints about an embedded frame."""
        frame = Gst.Buffer.new()
        # FdAllocator has an alloc() of its own, for descriptors.
        frame.append_memory(Gst.Allocator.alloc(GstAllocators.ShmAllocator.get(), 16 * 16, None))
        embed(frame)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "socket")
            sender = Gst.parse_launch("appsrc name=src format=time"
                                      " caps=video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1"
                                      f" ! unixfdsink wait-for-connection=true socket-path={path}")
            self.assertNotEqual(sender.set_state(Gst.State.PLAYING), Gst.StateChangeReturn.FAILURE)
            sender.get_by_name("src").push_buffer(frame)
            receiver = ["gst-launch-1.0", "-v", *options, "unixfdsrc", f"socket-path={path}", "num-buffers=1", "!",
                        "fakesink", "silent=false"]
            try:
                run = subprocess.run(receiver, capture_output=True, text=True, timeout=60)
            finally:
                sender.set_state(Gst.State.NULL)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("chain", run.stdout)
        return run.stdout

    def test_gst_launch_receives_the_meta_with_the_plugin_loaded(self):
        self.assertIn("GstClipEmbeddingMeta", self.receive(f"--gst-plugin-load={PLUGIN}"))

    def test_gst_launch_without_the_plugin_still_receives_the_frame(self):
        output = self.receive()
        if Gst.version() < (1, 28, 0, 0):  # from 1.28 on the registry knows which plugin has the meta
            self.assertNotIn("GstClipEmbeddingMeta", output)


if __name__ == "__main__":
    Gst.init(None)
    GstAllocators.ShmAllocator.init_once()
    PLUGIN = sys.argv.pop()
    unittest.main()
