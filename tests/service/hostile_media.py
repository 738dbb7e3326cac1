"""Whole media files of every format, to be damaged: pictures from tests/data, the rest made by ffmpeg and GStreamer."""

import pathlib
import subprocess
import tempfile

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
PICTURES = ["HappyFish.jpg", "cmyk.jpg", "progressive.jpg", "alpha.png", "palette.png", "photo.webp"]

# name -> what ffmpeg is told after its input
MADE = {
    "photo.bmp": ["-frames:v", "1"],
    "photo.tiff": ["-frames:v", "1"],
    "moving.gif": ["-frames:v", "5"],
    "moving.webp": ["-frames:v", "5", "-c:v", "libwebp_anim"],
    "h264.mp4": ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"],
    "h264-faststart.mov": ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
    "hevc.mkv": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"],
    "vp8.webm": ["-c:v", "libvpx", "-deadline", "realtime"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime"],
    "mpeg4.avi": ["-c:v", "mpeg4"],
    "mpeg2.ts": ["-c:v", "mpeg2video"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-f", "vob"],
    "mjpeg.avi": ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"],
    "theora.ogv": ["-c:v", "libtheora"],
    "flv1.flv": ["-c:v", "flv"],
    "wmv2.asf": ["-c:v", "wmv2", "-f", "asf"],
    "raw.y4m": ["-pix_fmt", "yuv420p", "-frames:v", "3"],
}


def make(name, options, folder):
    path = pathlib.Path(folder) / name
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=1"]
    if subprocess.run(command + options + [str(path)], stderr=subprocess.DEVNULL).returncode != 0:
        return None  # an encoder that is not in this build
    return path.read_bytes()


def make_media():
    """name -> bytes"""
    files = {name: (DATA / "reference/images" / name).read_bytes() for name in PICTURES}
    files["gradient.avif"] = (DATA / "gradient.avif").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        for name, options in MADE.items():
            content = make(name, options, folder)
            if content:
                files[name] = content
    return files
