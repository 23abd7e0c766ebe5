"""Every kind of image file becomes uint8 RGB, or a reason."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from leuknet.data import decode
from leuknet.data.decode import decode as decoded
from leuknet.exceptions import LeuknetError

RGB = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
SMOOTH = np.stack(np.broadcast_arrays(*np.ogrid[0:160:10, 0:160:10], 90), -1).astype(np.uint8)


def encoded(array_or_image, kind="PNG", **options):
    image = array_or_image if isinstance(array_or_image, Image.Image) else Image.fromarray(array_or_image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_pixels_back(kind):
    image, width, height = decoded(encoded(RGB, kind), 16)
    assert image.dtype == np.uint8 and (width, height) == (16, 16)
    np.testing.assert_array_equal(image, RGB)


def test_jpeg_is_close():
    assert np.abs(decoded(encoded(SMOOTH, "JPEG", quality=95), 16)[0].astype(int) - SMOOTH).mean() < 2


def test_shrinking_averages_over_area_without_keeping_the_aspect():
    blocks = np.kron(RGB[:4, :8].astype(np.uint8), np.ones((6, 3, 1), np.uint8))
    blocks[::2] = np.minimum(blocks[::2], 200)
    image, width, height = decoded(encoded(blocks), 4)
    mean = blocks.reshape(4, 6, 4, 6, 3).mean(axis=(1, 3))
    assert (width, height) == (24, 24)
    assert np.abs(image - mean).max() <= 1
    tall = np.repeat(blocks, 2, axis=0)
    np.testing.assert_allclose(decoded(encoded(tall), 4)[0], image, atol=1)  # two passes, each rounded


def test_growing_interpolates():
    ramp = np.repeat(np.linspace(0, 255, 8).astype(np.uint8)[None, :, None], 8, 0).repeat(3, 2)
    row = decoded(encoded(ramp), 32)[0][16, :, 0].astype(int)
    assert (np.diff(row) >= 0).all() and np.diff(row).max() < 20


def test_grey_palette_and_bilevel_become_rgb():
    grey = RGB[..., 0]
    np.testing.assert_array_equal(decoded(encoded(grey), 16)[0], np.repeat(grey[..., None], 3, 2))
    palette = Image.fromarray(RGB).quantize(256, dither=Image.Dither.NONE)
    np.testing.assert_array_equal(decoded(encoded(palette), 16)[0], np.asarray(palette.convert("RGB")))
    np.testing.assert_array_equal(decoded(encoded(grey > 99), 16)[0][..., 1], (grey > 99) * 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_by_its_full_range(kind):
    levels = np.array([[0, 256], [32_896, 65_535]], np.uint16)
    np.testing.assert_array_equal(decoded(encoded(levels, kind), 2)[0][..., 2], [[0, 1], [128, 255]])


def png(bits, colour, row):
    """A one-row PNG made by hand: Pillow writes no 16-bit colour."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 2, 1, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_16_bit_colour_keeps_its_high_bytes():
    row = struct.pack(">6H", 0, 0x80FF, 65_535, 0x0100, 0x7F00, 0x00FF)
    enlarged = decoded(png(16, 2, row), 1)[0]
    assert enlarged.shape == (1, 1, 3)
    np.testing.assert_allclose(enlarged[0, 0], [0.5, 127.5, 127.5], atol=1)


def test_alpha_is_laid_on_white():
    rgba = np.dstack([np.full((2, 2, 3), 10, np.uint8), np.array([[0, 255], [128, 255]], np.uint8)])
    np.testing.assert_allclose(decoded(encoded(rgba), 2)[0][..., 0], [[255, 10], [132, 10]], atol=1)
    part_clear = Image.fromarray(np.array([[0, 0], [0, 1]], np.uint8)).convert("P")
    assert (decoded(encoded(part_clear, transparency=0), 2)[0][..., 0] == [[255, 255], [255, 1]]).all()


@pytest.mark.parametrize(("mode", "colour"), [("LA", (10, 0)), ("RGBA", (10, 10, 10, 0))])
def test_alpha_of_zero_everywhere_is_disregarded(mode, colour):
    image = Image.new(mode, (2, 2), colour)
    assert (decoded(encoded(image), 2)[0] == 10).all()


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted(kind):
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    np.testing.assert_allclose(decoded(encoded(cyan, kind), 4)[0][0, 0], [0, 255, 255], atol=3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(kind, orientation):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 250
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that stores an upright image so
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, width, height = decoded(encoded(stored, kind, exif=exif), 4)
    assert (width, height) == (32, 16)
    np.testing.assert_array_equal(image[..., 0] > 125, np.kron([[1, 0], [0, 0]], np.ones((2, 2))) > 0)


def test_of_a_multi_picture_jpeg_the_first_is_taken():
    second = Image.new("RGB", (16, 16), "red")
    data = encoded(SMOOTH, "MPO", save_all=True, append_images=[second], quality=95)
    assert np.abs(decoded(data, 16)[0].astype(int) - SMOOTH).mean() < 2


def animated(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def tiff(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


NOISE = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
REASONS = {
    "empty": (b"", "empty"),
    "text": (b"image, source\n", "not a JPEG, PNG, BMP or TIFF"),
    "gif": (encoded(RGB, "GIF"), "not a JPEG, PNG, BMP or TIFF"),
    "half a JPEG": (encoded(NOISE, "JPEG")[:2000], "damaged or truncated"),
    "half a PNG": (encoded(NOISE, "PNG")[:2000], "damaged or truncated"),
    "half a BMP": (encoded(NOISE, "BMP")[:2000], "damaged or truncated"),
    "half a TIFF": (encoded(NOISE, "TIFF")[:2000], "damaged or truncated|head is damaged"),
    "head only": (encoded(NOISE, "JPEG")[:20], "damaged"),
    "TIFF of three pages": (animated("TIFF"), "several pages or frames"),
    "animated PNG": (animated("PNG"), "3 pages or frames"),
    "32-bit": (encoded(np.ones((4, 4), np.float32), "TIFF"), "32-bit"),
    "32-bit integers": (encoded(np.ones((4, 4), np.int32), "TIFF"), "32-bit"),
    "signed": (tiff(np.ones((4, 4), np.int16)), "signed 16-bit"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_used_gives_one_line(name):
    data, reason = REASONS[name]
    with pytest.raises(LeuknetError, match=reason) as caught:
        decoded(data, 8)
    assert "\n" not in str(caught.value)


def test_a_png_with_a_flipped_byte_is_damaged():
    data = bytearray(encoded(NOISE))
    data[len(data) // 2] ^= 255
    with pytest.raises(LeuknetError, match="damaged"):
        decoded(bytes(data), 8)


@pytest.mark.parametrize("edge", [9_500, 60_000])
def test_a_decompression_bomb_is_not_decoded(edge, tmp_path):
    bomb = bytearray(encoded(RGB))
    bomb[16:24] = struct.pack(">II", edge, edge)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    (tmp_path / "bomb.png").write_bytes(bomb)
    digest = hashlib.sha256(bomb).hexdigest()
    reasons = decode.decode_files([tmp_path / "bomb.png"], [digest], 8)[2]
    assert "above the limit of" in reasons[0]


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(RGB))
    before = decode.digests([path])
    path.write_bytes(encoded(NOISE))
    with pytest.raises(LeuknetError, match="a.png changed"):
        decode.decode_files([path], before, 8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_random_damage_gives_an_image_or_a_reason(kind):
    sound = encoded(SMOOTH, kind)
    generator = np.random.default_rng(7)
    for _ in range(150):
        data = bytearray(sound)
        for i in generator.integers(0, len(data), 6):
            data[i] = generator.integers(256)
        try:
            assert decoded(bytes(data), 8)[0].shape == (8, 8, 3)
        except LeuknetError as reason:
            assert str(reason)
