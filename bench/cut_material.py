"""Clips with known truth for bench/cuts: shots made from photos and films, joined by cuts and transitions, through x264.

    clips(seed, kinds, number, folder) -> Clip: a Y4M file of the decoded frames, the frames that begin shots by a cut,
    and the first and last frames of gradual transitions

Odd seeds are for choosing thresholds and draw on one half of the photos and on one film, even seeds are for reports and
draw on the others. The same seed gives the same files, as long as the encoder is the same.
"""

import dataclasses
import json
import os
import random
import subprocess

import gi
import numpy as np

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

DATA = "/usr/share/doc/opencv-doc/examples/data/"
PHOTOS = {
    "tuning": """aero1.jpg apple.jpg board.jpg butterfly.jpg graf1.png leuvenA.jpg orange.jpg squirrel_cls.jpg stuff.jpg
        licenseplate_motion.jpg smarties.png Blender_Suzanne1.jpg cards.png pic2.png text_defocus.jpg""".split(),
    "report": """aloeL.jpg baboon.jpg building.jpg fruits.jpg home.jpg messi5.jpg rubberwhale1.png starry_night.jpg
        basketball1.png left01.jpg HappyFish.jpg chicky_512.png box_in_scene.png pic4.png ela_original.jpg""".split(),
}
FILMS = {"tuning": "tree.avi", "report": "vtest.avi"}
# Whole files, as they are: rate, first frame and cuts, by eye. Megamind.avi's first frame is black.
REAL = {"vtest.avi": (10, 0, []), "Megamind.avi": (24, 1, [97, 153, 199])}
WIDTH, HEIGHT = 320, 180
RATES = [5, 10, 15, 24, 25, 30, 50, 60]
KINDS = ["hard cuts", "dissolves", "fades", "flashes", "pans", "shake", "static", "letterbox", "grain", "clips"]


@dataclasses.dataclass
class Clip:
    kind: str
    path: str  # Y4M
    rate: int
    cuts: list  # the first frame of the new shot
    transitions: list  # (first, last) frame
    crf: int  # of x264; 0: as it was


def half_of(seed):
    return "tuning" if seed % 2 else "report"


def decode(path, size, most=1):
    """Frames of a file as RGB arrays."""
    source = "gdkpixbufdec" if path.endswith(("jpg", "png")) else "decodebin"
    pipeline = Gst.parse_launch(
        f"filesrc location={path} ! {source} ! videoconvert ! videoscale add-borders=false ! "
        f"video/x-raw,format=RGB,width={size[0]},height={size[1]},pixel-aspect-ratio=1/1 ! appsink name=sink sync=false")
    pipeline.set_state(Gst.State.PLAYING)
    frames = []
    while len(frames) < most:
        sample = pipeline.get_by_name("sink").emit("pull-sample")
        if sample is None:
            break
        buffer = sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        rows = np.frombuffer(data, np.uint8).reshape(size[1], -1)[:, :size[0] * 3]
        frames.append(rows.reshape(size[1], size[0], 3).astype(np.float32))
    pipeline.set_state(Gst.State.NULL)
    return frames


def window(photo, x, y, width):
    """A part of a photo, to sub-pixels: rows and columns by linear interpolation."""
    height = width * HEIGHT / WIDTH
    xs = np.clip(x + np.arange(WIDTH) * width / WIDTH, 0, photo.shape[1] - 1.001)
    ys = np.clip(y + np.arange(HEIGHT) * height / HEIGHT, 0, photo.shape[0] - 1.001)
    x0, y0 = xs.astype(int), ys.astype(int)
    fx, fy = (xs - x0).astype(np.float32)[None, :, None], (ys - y0).astype(np.float32)[:, None, None]
    rows = photo[y0] * (1 - fy) + photo[y0 + 1] * fy
    return rows[:, x0] * (1 - fx) + rows[:, x0 + 1] * fx


def film_shot(rng, film, count, rate):
    first, step = rng.randrange(60), 25 / rate
    return [film[min(len(film) - 1, int(first + i * step))].copy() for i in range(count)]


def photo_shot(rng, kind, photo, count, rate):
    """`count` frames of one scene, float RGB."""
    width = 400
    x, y = rng.uniform(40, 200), rng.uniform(20, 110)
    speed = {"pans": rng.uniform(60, 260), "static": 0}.get(kind, rng.uniform(0, 25)) * rng.choice([-1, 1])
    shake = {"shake": 14, "static": 0}.get(kind, 1)
    frames, dx, dy, position, direction = [], 0.0, 0.0, x, 1
    for _ in range(count):
        # A hand: noise with a memory of a tenth of a second.
        keep = 0.5 ** (10 / rate)
        dx = dx * keep + rng.gauss(0, shake) * (1 - keep) ** 0.5
        dy = dy * keep + rng.gauss(0, shake) * (1 - keep) ** 0.5
        if not 0 <= position + direction * speed / rate <= 640 - width:
            direction = -direction
        position += direction * speed / rate
        frames.append(window(photo, position + dx, y + dy, width))
    return frames


def fade(rng, frames, scene, length, rate):
    """Appends `scene` through black; returns the transition."""
    for i in range(length):
        frames[-1 - i] = frames[-1 - i] * (i / length)
        scene[i] = scene[i] * (i / length)
    black = [np.zeros_like(scene[0])] * rng.randint(0, max(1, rate // 4))
    transition = (len(frames) - length, len(frames) + len(black) + length - 1)
    frames += black + scene
    return transition


def dissolve(frames, scene, length):
    """Appends `scene`, the first `length` frames of which are mixed with the last ones; returns the transition."""
    start = len(frames) - length
    for i in range(length):
        part = (i + 1) / (length + 1)
        frames[start + i] = frames[start + i] * (1 - part) + scene[i] * part
    frames += scene[length:]
    return (start, start + length - 1)


def flash(rng, frames, edges, shots, rate):
    for _ in range(2 * shots):
        at, length = rng.randrange(len(frames)), max(1, int(rng.uniform(0.02, 0.1) * rate))
        if all(abs(at - edge) > rate // 3 + 2 for edge in edges + [0, len(frames)]):
            for i in range(at, min(at + length, len(frames))):
                frames[i] = np.minimum(255, frames[i] * 1.5 + 120)


def draw(rng, kind, photos, film, rate):
    """(frames, cuts, transitions) of one clip, as a camera would give them."""
    frames, cuts, transitions = [], [], []
    photos = rng.sample(photos, 6)
    shots = 1 if kind == "static" and rng.random() < 0.5 else rng.randint(3, 5)
    film_turn = rng.randrange(2) if kind == "clips" else None  # every other shot: it is one scene
    for number in range(shots):
        count = max(4, int(rng.uniform(2, 3.5) * rate))
        if number % 2 == film_turn:
            scene = film_shot(rng, film, count, rate)
        else:
            scene = photo_shot(rng, kind, photos[number], count, rate)
        gradual = kind in ("dissolves", "fades") or (kind in ("clips", "letterbox", "grain") and rng.random() < 0.35)
        if number == 0:
            frames = scene
        elif not gradual:
            cuts.append(len(frames))
            frames += scene
        else:
            length = min(max(3, int(rng.uniform(0.4, 1.2) * rate)), len(scene) - 2, len(frames) - 2)
            through_black = kind == "fades" or (kind != "dissolves" and rng.random() < 0.3)
            transitions.append(fade(rng, frames, scene, length, rate) if through_black else dissolve(frames, scene, length))
    if kind == "flashes":
        flash(rng, frames, cuts + [end for pair in transitions for end in pair], shots, rate)
    return seen(frames, rng.randrange(2 ** 32), kind), cuts, transitions


def seen(frames, seed, kind):
    """One by one, with the sensor's noise and the bars."""
    noise = np.random.default_rng(seed)
    sigma = 18 if kind == "grain" else 1.5
    bars = int(HEIGHT * 0.12) if kind == "letterbox" else 0
    for frame in frames:
        frame = frame + noise.normal(0, sigma, (HEIGHT, WIDTH, 1)).astype(np.float32)
        if bars:
            frame[:bars] = frame[-bars:] = 0
        yield np.clip(frame, 0, 255)


def y4m(frames, rate):
    """BT.601, limited range, 4:2:0."""
    matrix = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]], np.float32) / 255
    yield f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{rate}:1 Ip A1:1 C420jpeg\n".encode()
    for frame in frames:
        yuv = frame @ matrix.T + np.array([16, 128, 128], np.float32)
        chroma = yuv[:, :, 1:].reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 2).mean((1, 3))
        yield b"FRAME\n" + (yuv[:, :, 0] + 0.5).astype(np.uint8).tobytes()
        for c in range(2):
            yield (chroma[:, :, c] + 0.5).astype(np.uint8).tobytes()


def through_x264(frames, rate, crf, path):
    """Writes what a player would see of the frames once they are H.264."""
    encoded = path + ".mkv"
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y"]
    with subprocess.Popen([*command, "-f", "yuv4mpegpipe", "-i", "-", "-c:v", "libx264", "-preset", "medium", "-crf",
                           str(crf), "-threads", "2", encoded], stdin=subprocess.PIPE) as encoder:
        for piece in y4m(frames, rate):
            encoder.stdin.write(piece)
        encoder.stdin.close()
    subprocess.run([*command, "-i", encoded, "-fps_mode", "passthrough", path], check=True)
    os.remove(encoded)


def make_clip(seed, kind, number, material, path):
    # A seed of its own, so that a clip does not depend on which others are made.
    rng = random.Random(f"{seed} {kind} {number}")
    rate, crf = RATES[number % len(RATES)], rng.randint(23, 28)
    frames, cuts, transitions = draw(rng, kind, *material, rate)
    through_x264(frames, rate, crf, path)
    return Clip(kind, path, rate, cuts, transitions, crf)


def real_clips(folder):
    for name, (rate, first, cuts) in REAL.items():
        path = os.path.join(folder, name + ".y4m")
        with open(path, "wb") as out:
            out.writelines(y4m(decode(DATA + name, (WIDTH, HEIGHT), 10000)[first:], rate))
        yield Clip("real", path, rate, cuts, [], 0)


def clips(seed, kinds, number, folder):
    """`number` clips of each kind. Those that a run before has left in the folder are taken as they are."""
    material = None
    for kind in kinds:
        if kind == "real":
            yield from real_clips(folder)
            continue
        for i in range(number):
            path = os.path.join(folder, f"{seed}-{kind.replace(' ', '-')}-{i}.y4m")
            if os.path.exists(path + ".json"):
                with open(path + ".json") as truth:
                    yield Clip(**json.load(truth))
                continue
            if material is None:
                half = half_of(seed)
                material = ([decode(DATA + name, (640, 360))[0] for name in PHOTOS[half]],
                            decode(DATA + FILMS[half], (WIDTH, HEIGHT), 240))
            clip = make_clip(seed, kind, i, material, path)
            with open(path + ".json", "w") as truth:
                json.dump(dataclasses.asdict(clip), truth)
            yield clip
