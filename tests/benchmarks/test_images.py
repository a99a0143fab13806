from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from every_case import every_case
from oracles import GOLDEN, records, tensors
from PIL import Image, ImageFile
from pydicom.pixels import convert_color_space
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEG2000Lossless

from benchmarks.errors import ImageError, ImageWarning
from benchmarks.images import MAX_PIXELS, MAX_SIDE, read_radiograph, remarks_on, resolve_images
from benchmarks.images.deep_png import read_deep

IMAGES = GOLDEN / "images"
META = records("vision_meta.json")["images"]


def pixels(path: Path) -> np.ndarray:
    image = read_radiograph(path)
    assert image.mode == "RGB"
    return np.asarray(image)


@every_case("name", sorted(set(META) - {"gray16.png"}))
def test_the_same_pixels_as_the_original(name):
    assert hashlib.sha256(pixels(IMAGES / name).tobytes()).hexdigest() == META[name]["rgb_sha256"]


@pytest.mark.parametrize("name", ["mono1.dcm", "mono1_window.DCM", "mono2_window.dcm"])
def test_dicom_values(name):
    assert (pixels(IMAGES / name)[:, :, 0] == tensors("vision_pixels.safetensors")[f"rgb_u8/{name}"].numpy()).all()


def test_dicom_is_known_by_its_content_too(tmp_path):
    copy = tmp_path / "study"
    copy.write_bytes((IMAGES / "mono1.dcm").read_bytes())
    assert (pixels(copy) == pixels(IMAGES / "mono1.dcm")).all()


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
@pytest.mark.parametrize("brightest", [255, 4095, 65535])
def test_grey_deeper_than_8_bits_is_scaled_by_its_own_range(tmp_path, name, brightest):
    ramp = np.linspace(0, brightest, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / name)
    grey = pixels(tmp_path / name)[:, :, 0]
    assert grey.min() == 0
    assert grey.max() == 255
    assert abs(float(grey.mean()) - 127) < 1


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_pictures_are_scaled_too(tmp_path, mode):
    values = np.array([[-1000, 0], [1000, 3000]], dtype=np.int32 if mode == "I" else np.float32)
    Image.fromarray(values).save(tmp_path / "deep.tif")
    assert pixels(tmp_path / "deep.tif")[:, :, 0].tolist() == [[0, 63], [127, 255]]


def test_a_picture_of_one_deep_value_is_black(tmp_path):
    Image.fromarray(np.full((4, 4), 3000, dtype=np.uint16)).save(tmp_path / "flat.png")
    assert not pixels(tmp_path / "flat.png").any()


def test_alpha_is_dropped_not_composited(tmp_path):
    Image.new("LA", (2, 2), (200, 0)).save(tmp_path / "clear.png")
    assert (pixels(tmp_path / "clear.png") == 200).all()


DEEP_SHAPES = {2: (5, 7, 3), 4: (5, 7, 2), 6: (5, 7, 4)}
"""PNG colour type -> height, width, channels of the examples."""


def deep_png(path: Path, values_HWC: np.ndarray, colour_type: int, filters: int = 0, interlacing: int = 0) -> Path:
    """A PNG of 16 bits per channel, each row filtered with the filter type `filters` (5: another one in each row)."""
    height, width, channels = values_HWC.shape
    size = 2 * channels
    rows = values_HWC.astype(">u2").tobytes()
    above, packed = bytes(width * size), b""
    for place in range(height):
        row = rows[place * width * size : (place + 1) * width * size]
        kind = place % 5 if filters == 5 else filters
        packed += bytes([kind]) + bytes((row[i] - predicted(kind, row, above, i, size)) % 256 for i in range(len(row)))
        above = row
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, interlacing)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(packed)), (b"IEND", b"")]
    file = b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + file)
    return path


def predicted(kind: int, row: bytes, above: bytes, i: int, size: int) -> int:
    """The five filters of the PNG specification (section 9.2)."""
    left = row[i - size] if i >= size else 0
    corner = above[i - size] if i >= size else 0
    guess = left + above[i] - corner
    nearest = min((left, above[i], corner), key=lambda value: abs(guess - value))
    return (0, left, above[i], (left + above[i]) // 2, nearest)[kind]


@pytest.mark.parametrize("filters", range(6))
@pytest.mark.parametrize("colour_type", DEEP_SHAPES)
def test_16_bit_channels_are_read_whole(tmp_path, colour_type, filters):
    values = np.random.default_rng(colour_type).integers(0, 65536, DEEP_SHAPES[colour_type], dtype=np.uint16)
    data = deep_png(tmp_path / "deep.png", values, colour_type, filters).read_bytes()
    with Image.open(tmp_path / "deep.png") as picture:  # the upper byte, as Pillow reads it
        upper = np.asarray(picture).reshape(*values.shape[:2], -1)
    assert (upper[:, :, 0] == values[:, :, 0] >> 8).all()
    assert (read_deep(data) == (values[:, :, 0] if colour_type == 4 else values[:, :, :3])).all()


@pytest.mark.parametrize("colour_type", DEEP_SHAPES)
def test_12_bit_values_in_16_bit_colour_are_not_black(tmp_path, colour_type):
    height, width, channels = DEEP_SHAPES[colour_type]
    values = np.repeat(np.linspace(0, 4095, height * width).reshape(height, width, 1), channels, axis=2)
    shown = pixels(deep_png(tmp_path / "deep.png", values.astype(np.uint16), colour_type))
    assert (shown.min(), shown.max()) == (0, 255)


def test_a_damaged_16_bit_picture_is_one_line(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    whole = deep_png(tmp_path / "deep.png", values, 2).read_bytes()
    (tmp_path / "deep.png").write_bytes(whole[:200])
    with pytest.raises(ImageError, match="is damaged"):
        read_radiograph(tmp_path / "deep.png")


def small_dicom(path: Path, values: np.ndarray, **fields: object) -> pydicom.Dataset:
    record = pydicom.dcmread(IMAGES / "mono2_window.dcm")
    record.set_pixel_data(values, "MONOCHROME2", 12)
    for name in ("WindowCenter", "WindowWidth", "VOILUTSequence"):
        if name in record:
            delattr(record, name)
    for name, value in fields.items():
        if isinstance(value, pydicom.DataElement):
            record.add(value)
        else:
            setattr(record, name, value)
    record.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    record.save_as(path)
    return record


def test_compressed_dicom_equals_uncompressed(tmp_path):
    values = (np.arange(32 * 32).reshape(32, 32) * 3).astype(np.uint16)
    record = small_dicom(tmp_path / "plain.dcm", values)
    record.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
    record.save_as(tmp_path / "compressed.dcm")
    assert (pixels(tmp_path / "compressed.dcm") == pixels(tmp_path / "plain.dcm")).all()
    assert pixels(tmp_path / "plain.dcm").max() == 255


@pytest.mark.parametrize("space", ["RGB", "YBR_FULL"])
def test_a_coloured_dicom_becomes_rgb(tmp_path, space):
    colours = np.zeros((8, 8, 3), dtype=np.uint8)
    colours[:, :4] = (255, 0, 0)
    stored = colours if space == "RGB" else convert_color_space(colours, "RGB", "YBR_FULL")
    record = pydicom.dcmread(IMAGES / "mono2_window.dcm")
    record.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for name in ("WindowCenter", "WindowWidth"):
        delattr(record, name)
    record.set_pixel_data(stored, space, 8)
    record.save_as(tmp_path / "colour.dcm")
    assert abs(pixels(tmp_path / "colour.dcm").astype(int) - colours).max() <= 2


def test_monochrome1_is_inverted(tmp_path):
    values = np.array([[0, 100], [200, 400]], dtype=np.uint16)
    small_dicom(tmp_path / "bones_dark.dcm", values, PhotometricInterpretation="MONOCHROME1")
    assert pixels(tmp_path / "bones_dark.dcm")[:, :, 0].tolist() == [[255, 191], [127, 0]]


GREY = np.array([[0, 100], [200, 400]], dtype=np.uint16)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}, "rescale slope"),
        ({"RescaleSlope": -1, "RescaleIntercept": 0}, "RescaleSlope of -1"),
        ({"PresentationLUTShape": "INVERSE"}, "PresentationLUTShape"),
        ({"PixelPaddingValue": pydicom.DataElement(0x00280120, "US", 400)}, "PixelPaddingValue"),
    ],
)
def test_what_a_dicom_says_and_reading_passes_over_is_warned_of(tmp_path, fields, what):
    small_dicom(tmp_path / "plain.dcm", GREY)
    small_dicom(tmp_path / "telling.dcm", GREY, **fields)
    with pytest.warns(ImageWarning, match=what):
        telling = pixels(tmp_path / "telling.dcm")
    if "WindowCenter" not in fields:
        assert (telling == pixels(tmp_path / "plain.dcm")).all()  # as the original reads it
    assert len(remarks_on(tmp_path / "telling.dcm")) == 1
    assert remarks_on(tmp_path / "plain.dcm") == []


def test_an_inverse_presentation_is_what_monochrome1_is_read_as(tmp_path):
    small_dicom(tmp_path / "x.dcm", GREY, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert remarks_on(tmp_path / "x.dcm") == []


def test_a_palette_is_warned_of(tmp_path):
    small_dicom(tmp_path / "x.dcm", GREY, PhotometricInterpretation="PALETTE COLOR")
    assert "palette" in remarks_on(tmp_path / "x.dcm")[0]


def test_a_rotation_is_warned_of_and_not_done(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (4, 8), 9).save(tmp_path / "turned.jpg", exif=exif)
    with pytest.warns(ImageWarning, match="rotation"):
        assert pixels(tmp_path / "turned.jpg").shape == (8, 4, 3)


def test_each_kind_is_warned_of_once(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    for name in "abc":
        Image.new("L", (4, 8), 9).save(tmp_path / f"{name}.jpg", exif=exif)
    code = "from pathlib import Path\nfrom benchmarks.images import *\n"
    code += "for p in Path('.').glob('*.jpg'): read_radiograph(p)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stderr.count("rotation") == 1


def truncated(source: Path, target: Path, kept: float) -> Path:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * kept)])
    return target


def bomb(path: Path, width: int = 20_000, height: int = MAX_PIXELS // 20_000 + 1) -> Path:
    """A PNG header that promises more pixels than anyone takes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    rest = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + rest)
    return path


def thread(path: Path) -> Path:
    """Few pixels, but the square around them has 10,000,000,000."""
    return bomb(path, 100_000, 1)


def in_format(path: Path, kind: str) -> Path:
    Image.new("RGB", (8, 8)).save(path, format=kind)
    return path


def bad_deflate(path: Path) -> Path:
    """A deflated DICOM whose deflated part is noise."""
    record = pydicom.dcmread(IMAGES / "mono1.dcm")
    record.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    record.save_as(path)
    data = path.read_bytes()
    path.write_bytes(data[:400] + bytes(range(256)) * 8)
    return path


def without_pixels(path: Path) -> Path:
    record = pydicom.dcmread(IMAGES / "mono1.dcm")
    del record.PixelData
    record.save_as(path)
    return path


def two_frames(path: Path) -> Path:
    small_dicom(path, np.zeros((2, 8, 8), dtype=np.uint16))
    return path


def two_pages(path: Path) -> Path:
    page = Image.new("L", (8, 8))
    page.save(path, save_all=True, append_images=[Image.new("L", (8, 8), 9)])
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda d: d / "none.png", "cannot be read"),
        (lambda d: d, "cannot be read"),
        (lambda d: written(d / "x.png", b""), "empty file"),
        (lambda d: written(d / "x.dcm", b""), "empty file"),
        (lambda d: written(d / "x.png", b"not an image at all"), "is no image"),
        (lambda d: written(d / "x.dcm", b"not an image at all"), "DICOM file"),
        (lambda d: truncated(IMAGES / "square.png", d / "x.png", 0.6), "damaged"),
        (lambda d: truncated(IMAGES / "photo.jpg", d / "x.jpg", 0.6), "damaged"),
        (lambda d: truncated(IMAGES / "photo.jpg", d / "x.jpg", 0.99), "damaged"),
        (lambda d: truncated(IMAGES / "mono1.dcm", d / "x.dcm", 0.6), "DICOM file"),
        (lambda d: truncated(IMAGES / "mono1.dcm", d / "x.dcm", 0.004), "DICOM file"),
        (lambda d: bomb(d / "x.png"), "100,000,000"),
        (lambda d: thread(d / "x.png"), f"{MAX_SIDE:,}"),
        (lambda d: in_format(d / "x.png", "EPS"), "is no image"),
        (lambda d: in_format(d / "x.png", "DDS"), "is no image"),
        (lambda d: in_format(d / "x.png", "GIF"), "is no image"),
        (lambda d: bad_deflate(d / "x.dcm"), "DICOM file"),
        (lambda d: without_pixels(d / "x.dcm"), "without pixels"),
        (lambda d: two_frames(d / "x.dcm"), "2 frames"),
        (lambda d: two_pages(d / "x.tif"), "several images"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom.*")
def test_what_cannot_be_read_is_one_line(tmp_path, make, what):
    path = make(tmp_path)
    with pytest.raises(ImageError, match=what) as caught:
        read_radiograph(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_switch_that_lets_truncated_images_pass_is_refused(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ImageError, match="truncated"):
        read_radiograph(IMAGES / "square.png")


def test_many_threads_read_the_same(tmp_path):
    names = sorted(META) * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: pixels(IMAGES / name).tobytes(), names))
    assert found == [pixels(IMAGES / name).tobytes() for name in names]


def test_names_are_looked_up_below_the_root(tmp_path):
    (tmp_path / "p10").mkdir()
    for name in ("p10/a.png", "b.png"):
        written(tmp_path / name, b"x")
    assert resolve_images(["p10/a.png", "p10/../b.png"], tmp_path) == (tmp_path / "p10/a.png", tmp_path / "b.png")
    assert resolve_images([], tmp_path) == ()


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["../secret.png"], "outside the image root"),
        (["p10/../../secret.png"], "outside the image root"),
        (["/etc/hostname"], "outside the image root"),
        ([".."], "outside the image root"),
        (["."], "no image name"),
        (["p10/.."], "no image name"),
        (["none.png"], "no such image"),
        (["p10"], "is not a file"),
        ([""], "no image name"),
        (["a\0b.png"], "no image name"),
        (["https://example.org/a.png"], "not fetched"),
        (["a.png", "a.png", "a.png"], "3 images"),
    ],
)
def test_names_that_are_refused(tmp_path, names, what):
    root = tmp_path / "root"
    (root / "p10").mkdir(parents=True)
    written(root / "a.png", b"x")
    written(tmp_path / "secret.png", b"x")
    with pytest.raises(ImageError, match=what) as caught:
        resolve_images(names, root)
    assert "\n" not in str(caught.value)


def test_links_out_of_the_root_need_leave(tmp_path):
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    written(outside / "a.png", b"x")
    written(root / "real/b.png", b"x")
    os.symlink(outside, root / "folder")
    os.symlink(outside / "a.png", root / "file.png")
    os.symlink(root / "real/b.png", root / "inside.png")
    os.symlink(root, tmp_path / "linked_root")
    for name in ("folder/a.png", "file.png"):
        with pytest.raises(ImageError, match="link out of the image root"):
            resolve_images([name], root)
        assert resolve_images([name], root, follow_links=True) == (root / name,)
    assert resolve_images(["inside.png"], root) == (root / "inside.png",)
    assert resolve_images(["inside.png"], tmp_path / "linked_root") == (tmp_path / "linked_root/inside.png",)
    os.symlink("loop.png", root / "loop.png")
    with pytest.raises(ImageError, match="no such image"):
        resolve_images(["loop.png"], root, follow_links=True)
