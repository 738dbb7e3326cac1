#!/usr/bin/env python3
"""Writes a full-size CLIP checkpoint with random weights, for benchmarks: its vectors mean nothing.

    bench/make_checkpoint.py DIR [--arch ViT-B/32] [--format safetensors|sharded|pytorch] [--dtype f32|f16|bf16]

The directory has what transformers writes: config.json, preprocessor_config.json and the weights. Standard library only:
one block of a million normal deviates is drawn and every tensor cuts its values out of it, which takes seconds where
drawing 151 million would take minutes.
"""

import argparse
import array
import collections
import io
import json
import pathlib
import pickle
import random
import struct
import sys
import types
import zipfile

BLOCK = 1 << 20
SHARD_BYTES = 200_000_000

# hidden, layers, heads, image, patch; text hidden, text heads; projection; activation
ARCHITECTURES = {
    "ViT-B/32": (768, 12, 12, 224, 32, 512, 8, 512, "quick_gelu"),
    "ViT-B/16": (768, 12, 12, 224, 16, 512, 8, 512, "quick_gelu"),
    "ViT-L/14": (1024, 24, 16, 224, 14, 768, 12, 768, "quick_gelu"),
    "ViT-L/14@336": (1024, 24, 16, 336, 14, 768, 12, 768, "quick_gelu"),
    "ViT-H/14": (1280, 32, 16, 224, 14, 1024, 16, 1024, "gelu"),
}
STORAGE = {"f32": "FloatStorage", "f16": "HalfStorage", "bf16": "BFloat16Storage"}
TORCH_DTYPE = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


def encoder_layer(prefix, hidden):
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        yield f"{prefix}.self_attn.{name}.weight", (hidden, hidden)
        yield f"{prefix}.self_attn.{name}.bias", (hidden,)
    for name, shape in (("fc1", (4 * hidden, hidden)), ("fc2", (hidden, 4 * hidden))):
        yield f"{prefix}.mlp.{name}.weight", shape
        yield f"{prefix}.mlp.{name}.bias", shape[:1]
    for name in ("layer_norm1", "layer_norm2"):
        yield f"{prefix}.{name}.weight", (hidden,)
        yield f"{prefix}.{name}.bias", (hidden,)


def tensors(hidden, layers, heads, image, patch, text_hidden, text_heads, projection, activation):
    """Names and shapes of CLIPModel's state dict."""
    yield "logit_scale", ()
    yield "visual_projection.weight", (projection, hidden)
    yield "text_projection.weight", (projection, text_hidden)
    vision = "vision_model"
    yield f"{vision}.embeddings.class_embedding", (hidden,)
    yield f"{vision}.embeddings.patch_embedding.weight", (hidden, 3, patch, patch)
    yield f"{vision}.embeddings.position_embedding.weight", ((image // patch) ** 2 + 1, hidden)
    for norm in ("pre_layrnorm", "post_layernorm"):
        yield f"{vision}.{norm}.weight", (hidden,)
        yield f"{vision}.{norm}.bias", (hidden,)
    for i in range(layers):
        yield from encoder_layer(f"{vision}.encoder.layers.{i}", hidden)
    text = "text_model"
    yield f"{text}.embeddings.token_embedding.weight", (49408, text_hidden)
    yield f"{text}.embeddings.position_embedding.weight", (77, text_hidden)
    yield f"{text}.final_layer_norm.weight", (text_hidden,)
    yield f"{text}.final_layer_norm.bias", (text_hidden,)
    for i in range(12):
        yield from encoder_layer(f"{text}.encoder.layers.{i}", text_hidden)


def config(hidden, layers, heads, image, patch, text_hidden, text_heads, projection, activation):
    return {
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": projection,
        "vision_config": {
            "hidden_size": hidden, "intermediate_size": 4 * hidden, "num_hidden_layers": layers,
            "num_attention_heads": heads, "image_size": image, "patch_size": patch, "hidden_act": activation,
        },
        "text_config": {
            "hidden_size": text_hidden, "intermediate_size": 4 * text_hidden, "num_attention_heads": text_heads,
            "num_hidden_layers": 12, "hidden_act": activation,
        },
    }


def preprocessor(image):
    return {
        "crop_size": {"height": image, "width": image}, "size": {"shortest_edge": image}, "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
    }


class Deviates:
    """Normal deviates of standard deviation 0.02 in the stored dtype, cut from one block; norms' weights are around 1."""

    def __init__(self, dtype):
        draw = random.Random(0)
        self.noise = self.encode([draw.gauss(0, 0.02) for _ in range(BLOCK)], dtype)
        self.ones = self.encode([1 + draw.gauss(0, 0.02) for _ in range(8192)], dtype)
        self.size = 4 if dtype == "f32" else 2
        self.draw = draw

    @staticmethod
    def encode(values, dtype):
        if dtype == "f16":
            return struct.pack(f"<{len(values)}e", *values)
        data = array.array("f", values).tobytes()
        return data if dtype == "f32" else bytes(b for i in range(0, len(data), 4) for b in data[i + 2:i + 4])

    def chunks(self, name, shape):
        left = self.size
        for dim in shape:
            left *= dim
        block = self.ones if "norm" in name and name.endswith("weight") else self.noise
        start = self.draw.randrange(len(block) // 4) * 4
        while left > 0:
            piece = block[start:start + left]
            yield piece
            left -= len(piece)
            start = 0


def write_safetensors(path, specs, dtype, deviates):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in specs:
        begin, size = end, deviates.size
        for dim in shape:
            size *= dim
        end = begin + size
        header[name] = {"dtype": dtype.upper(), "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in specs:
            file.writelines(deviates.chunks(name, shape))
    return end


def write_sharded(directory, specs, dtype, deviates):
    shards, size = [[]], 0
    for name, shape in specs:
        shards[-1].append((name, shape))
        elements = deviates.size
        for dim in shape:
            elements *= dim
        size += elements
        if size > SHARD_BYTES:
            shards.append([])
            size = 0
    shards = [shard for shard in shards if shard]
    weight_map, total = {}, 0
    for i, shard in enumerate(shards):
        file = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
        total += write_safetensors(directory / file, shard, dtype, deviates)
        weight_map |= {name: file for name, _ in shard}
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


def torch_stand_ins():
    """Classes that pickle writes as torch's, so that no torch is needed to write what torch.save writes."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    sys.modules |= {"torch": torch, "torch._utils": utils}

    def rebuild(*_):
        raise NotImplementedError

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    for name in STORAGE.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    return torch, rebuild


def write_pytorch(path, specs, dtype, deviates):
    torch, rebuild = torch_stand_ins()
    storage_class = getattr(torch, STORAGE[dtype])

    class Storage:
        def __init__(self, key, elements):
            self.key, self.elements = key, elements

    class Tensor:
        def __init__(self, key, shape):
            self.shape, elements = shape, 1
            for dim in shape:
                elements *= dim
            self.storage = Storage(key, elements)

        def __reduce__(self):
            strides, step = [], 1
            for dim in reversed(self.shape):
                strides.insert(0, step)
                step *= dim
            hooks = collections.OrderedDict()
            return rebuild, (self.storage, 0, tuple(self.shape), tuple(strides), False, hooks)

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                return ("storage", storage_class, obj.key, "cpu", obj.elements)
            return None

    state = collections.OrderedDict((name, Tensor(str(i), shape)) for i, (name, shape) in enumerate(specs))
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(state)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        archive.writestr("archive/byteorder", b"little")
        for i, (name, shape) in enumerate(specs):
            with archive.open(zipfile.ZipInfo(f"archive/data/{i}"), "w") as entry:
                for chunk in deviates.chunks(name, shape):
                    entry.write(chunk)
        archive.writestr("archive/version", b"3\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--arch", choices=ARCHITECTURES, default="ViT-B/32")
    parser.add_argument("--format", choices=("safetensors", "sharded", "pytorch"), default="safetensors")
    parser.add_argument("--dtype", choices=STORAGE, default="f32")
    args = parser.parse_args()
    shape = ARCHITECTURES[args.arch]
    specs, deviates = list(tensors(*shape)), Deviates(args.dtype)
    args.directory.mkdir(parents=True, exist_ok=True)
    (args.directory / "config.json").write_text(json.dumps(config(*shape) | {"dtype": TORCH_DTYPE[args.dtype]}))
    (args.directory / "preprocessor_config.json").write_text(json.dumps(preprocessor(shape[3])))
    if args.format == "safetensors":
        write_safetensors(args.directory / "model.safetensors", specs, args.dtype, deviates)
    elif args.format == "sharded":
        write_sharded(args.directory, specs, args.dtype, deviates)
    else:
        write_pytorch(args.directory / "pytorch_model.bin", specs, args.dtype, deviates)


if __name__ == "__main__":
    main()
