"""Images are read beside the model without threads of torch's own, and kept as the connector reads them."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from repository import GOLDEN

from model_adapters.libra.inputs.image_processing import load_image_processor, preprocess
from model_adapters.libra.inputs.image_reader import ImageReader

TOWER = GOLDEN / "models" / "tiny-rad-dino"


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_reading_thread_starts_no_threads_of_torch(tmp_path, mode):
    """A second pool makes OpenMP's waiting threads sleep at once, which slows the model from then on."""
    shape = (700, 600) if mode == "L" else (700, 600, 3)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)).save(tmp_path / "image.png")
    processor = load_image_processor(TOWER)
    processor.size, processor.crop_size = {"shortest_edge": 518}, {"height": 518, "width": 518}
    reader = ImageReader(processor, "pad")
    before_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: None).result()
            before = len(os.listdir("/proc/self/task"))
            pixels = pool.submit(reader.pixels, tmp_path / "image.png").result()
            assert len(os.listdir("/proc/self/task")) == before
            assert torch.equal(pixels, preprocess([Image.open(tmp_path / "image.png")], processor, "pad")[0])
            pool.submit(torch.stack, [pixels, pixels]).result()
            assert len(os.listdir("/proc/self/task")) > before  # so they can be counted
    finally:
        torch.set_num_threads(before_threads)
