"""The detectors that bench/cuts compares. Each reads the same Y4M file and names the frames that begin a shot.

  clipselect    its GstForceKeyUnit events
  scenechange   the same of GStreamer's own element
  ffmpeg T      select=gt(scene\\,T), by the scene scores that its metadata filter prints
  content T     PySceneDetect's ContentDetector, written down: the mean of the absolute differences of hue, saturation
                and value (hue 0..180, 8 bits), averaged over the three, is T or more, and 0.6 s have passed
"""

import json
import os
import re
import subprocess

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstVideo  # noqa: E402

THRESHOLDS = {"ffmpeg": [round(0.02 * i, 2) for i in range(1, 41)], "content": list(range(3, 81))}


def key_units(element, path, rate):
    pipeline = Gst.parse_launch(f"filesrc location={path} ! y4mdec ! {element} name=it ! fakesink sync=false")
    found = []

    def probe(_pad, info):
        event = info.get_event()
        if GstVideo.video_event_is_force_key_unit(event):
            found.append(round(event.get_structure().get_value("timestamp") * rate / Gst.SECOND))
        return Gst.PadProbeReturn.OK

    pipeline.get_by_name("it").get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, probe)
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        raise RuntimeError(message.parse_error())
    return found


def ffmpeg_scores(path):
    """One for each frame: the filter compares it with the frame before, whatever it lets pass."""
    run = subprocess.run(["ffmpeg", "-hide_banner", "-i", path, "-vf",
                          "select=gte(scene\\,0),metadata=print:key=lavfi.scene_score:file=-", "-f", "null", "-"],
                         capture_output=True, text=True, check=True)
    return [float(score) for score in re.findall(r"lavfi.scene_score=([\d.]+)", run.stdout)]


def hsv(rgb):
    red, green, blue = (np.ascontiguousarray(rgb[..., i], np.float32) for i in range(3))
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    safe = np.maximum(chroma, 1)  # where it is 0, so are the differences below
    hue = np.where(value == red, (green - blue) / safe,
                   np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4))
    hue[hue < 0] += 6
    hue[chroma == 0] = 0
    return np.stack([hue * 30, chroma / np.maximum(value, 1) * 255, value])


def rgb_frames(path):
    with open(path, "rb") as file:
        width, height = (int(size) for size in re.search(rb" W(\d+) H(\d+)", file.readline()).groups())
    with subprocess.Popen(["ffmpeg", "-hide_banner", "-loglevel", "error", "-i", path, "-f", "rawvideo", "-pix_fmt",
                           "rgb24", "-"], stdout=subprocess.PIPE) as decoder:
        while data := decoder.stdout.read(width * height * 3):
            yield np.frombuffer(data, np.uint8).reshape(height, width, 3)


def content_scores(path):
    previous, scores = None, []
    for frame in rgb_frames(path):
        current = hsv(frame)
        scores.append(0 if previous is None else float(np.abs(current - previous).mean()))
        previous = current
    return scores


def ffmpeg_detect(threshold, scores, _rate):
    return [number for number, score in enumerate(scores) if score > threshold]


def content_detect(threshold, scores, rate):
    found, last = [], 0
    for number, score in enumerate(scores):
        if score >= threshold and number - last >= 0.6 * rate:
            found.append(number)
            last = number
    return found


def others(clip):
    """What scenechange finds and the scores of the others; kept beside the clip, as they take most of the time."""
    kept = clip.path + ".others.json"
    if os.path.exists(kept):
        with open(kept) as file:
            return json.load(file)
    seen = {"scenechange": key_units("scenechange", clip.path, clip.rate), "ffmpeg": ffmpeg_scores(clip.path),
            "content": content_scores(clip.path)}
    with open(kept, "w") as file:
        json.dump(seen, file)
    return seen


def detect(clip):
    """What each detector finds in a clip, by its name: clipselect, scenechange, and (detector, threshold)."""
    seen = others(clip)
    found = {"clipselect": key_units("clipselect", clip.path, clip.rate), "scenechange": seen["scenechange"]}
    for name, at in (("ffmpeg", ffmpeg_detect), ("content", content_detect)):
        for threshold in THRESHOLDS[name]:
            found[name, threshold] = at(threshold, seen[name], clip.rate)
    return found
