"""A drawn picture comes back within one grey level from every container, or is left out with a reason."""

import io
from itertools import product

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from leuknet._random import rng
from leuknet.data.containers import tiff
from leuknet.data.decode import decode_files, digests, is_blank, read_picture
from leuknet.exceptions import LeuknetError

GREYS = np.arange(0, 256, 2)


def drawn(seed=0, width=160, height=128):
    """Return a field of cells as uint8 RGB: bright ground with noise, dark nuclei."""
    noise = rng("containers", seed)
    image = np.full((height, width, 3), (236, 216, 224), np.uint8)
    for _ in range(9):
        centre = tuple(int(edge) for edge in noise.integers(0, (width, height)))
        cv2.circle(image, centre, int(noise.integers(6, 16)), tuple(map(int, noise.integers(40, 220, 3))), -1)
    return (image - noise.integers(0, 8, image.shape)).astype(np.uint8)


PICTURE = drawn()
GREY = PICTURE[..., 1]


def difference(data, wanted):
    image, (width, height) = read_picture(data)
    assert (height, width) == image.shape[:2] == wanted.shape[:2]
    wanted = wanted if wanted.ndim == 3 else wanted[..., None]
    return int(np.abs(image.astype(int) - wanted).max())


def written(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def widened(image, bits):
    """Return 8-bit samples as samples of `bits` bits in uint16."""
    return np.round(image.astype(float) * (2**bits - 1) / 255).astype(np.uint16)


ORDERS, LAYOUTS, CODECS = "<>", ("contig", "separate"), (None, "zlib", "lzw", "packbits")


@pytest.mark.parametrize(("order", "planar", "codec"), [*product(ORDERS, LAYOUTS, CODECS)])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_rgb_tiff(order, planar, codec, bits):
    samples = PICTURE if bits == 8 else widened(PICTURE, bits)
    samples = np.moveaxis(samples, -1, 0) if planar == "separate" else samples
    options = {"byteorder": order, "planarconfig": planar, "compression": codec, "photometric": "rgb"}
    for tile in (None, (32, 48)):
        assert difference(written(samples, tile=tile, **options), PICTURE) <= 1
    predicted = {"predictor": True} if codec in ("zlib", "lzw") else {}
    assert difference(written(samples, rowsperstrip=7, **options, **predicted), PICTURE) <= 1


@pytest.mark.parametrize(("order", "bits"), [*product(ORDERS, [8, 10, 12, 14, 16])])
@pytest.mark.parametrize("kind", ["minisblack", "miniswhite"])
def test_grey_tiff(order, bits, kind):
    levels = GREY if kind == "minisblack" else 255 - GREY
    samples = levels if bits == 8 else widened(levels, bits)
    declared = [(281, "H", 1, 2**bits - 1, True)]
    assert difference(written(samples, byteorder=order, photometric=kind, extratags=declared), GREY) <= 1
    if kind == "miniswhite" and bits in (10, 12, 14):
        with pytest.raises(LeuknetError, match="white is zero"):
            read_picture(written(samples, byteorder=order, photometric=kind))
    else:
        assert difference(written(samples, byteorder=order, photometric=kind), GREY) <= 1


@pytest.mark.parametrize(("bits", "kind"), [*product([1, 2, 4], ["minisblack", "miniswhite"])])
def test_tiff_of_few_bits(bits, kind):
    levels = GREY >> (8 - bits)
    wanted = np.round(levels * 255.0 / (2**bits - 1))
    stored = levels if kind == "minisblack" else 2**bits - 1 - levels
    data = written(stored.astype(bool) if bits == 1 else stored, bitspersample=bits, photometric=kind)
    assert difference(data, wanted) <= 1


@pytest.mark.parametrize(("order", "bits", "planar"), [*product(ORDERS, (8, 16), LAYOUTS)])
@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
def test_tiff_with_a_fourth_channel(order, bits, planar, extra):
    alpha = np.linspace(0, 255, PICTURE.shape[1]).astype(np.uint8)[None, :].repeat(len(PICTURE), 0)
    opacity = alpha[..., None] / 255
    wanted = PICTURE if extra == "unspecified" else PICTURE * opacity + 255 * (1 - opacity)
    stored = np.round(PICTURE * opacity).astype(np.uint8) if extra == "assocalpha" else PICTURE
    samples = np.dstack([stored, alpha])
    samples = samples if bits == 8 else widened(samples, 16)
    samples = np.moveaxis(samples, -1, 0) if planar == "separate" else samples
    options = {"byteorder": order, "planarconfig": planar, "photometric": "rgb", "extrasamples": [extra]}
    assert difference(written(samples, **options), wanted) <= 1


@pytest.mark.parametrize("shift", [0, 8])
def test_palette_tiff(shift):
    colours = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 90)]).astype(np.uint16)
    data = written(GREY, photometric="palette", colormap=colours << shift)
    assert difference(data, colours.T[GREY]) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_orientation(orientation):
    tag = [(274, "H", 1, orientation, True)]
    image, _ = read_picture(written(PICTURE, photometric="rgb", extratags=tag))
    by_pillow = Image.Exif()
    by_pillow[274] = orientation
    other, _ = read_picture(saved(PICTURE, "PNG", exif=by_pillow))
    np.testing.assert_array_equal(image, other)


def saved(array, kind, **options):
    buffer = io.BytesIO()
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(bits, channels):
    alpha = np.full((*GREY.shape, 1), 255, np.uint8)
    alpha[:9] = 0
    colour = GREY[..., None] if channels < 3 else PICTURE
    samples = colour if channels in (1, 3) else np.dstack([colour, alpha])
    data = imagecodecs.png_encode(np.ascontiguousarray((samples if bits == 8 else widened(samples, bits)).squeeze()))
    wanted = np.broadcast_to(colour, PICTURE.shape).copy()
    wanted[:9] = wanted[:9] if channels in (1, 3) else 255
    assert difference(data, wanted) <= 1


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_pillows_own_files(kind, mode):
    image = Image.fromarray(PICTURE).convert(mode)
    assert difference(saved(image, kind), np.asarray(image.convert("RGB"))) <= 1


def bmp_32(alpha):
    """Return a BMP of 32 bits a pixel with a head of version 4, which names the alpha channel."""
    rows = np.dstack([PICTURE[::-1, :, ::-1], np.full(GREY.shape, alpha, np.uint8)]).tobytes()
    masks = b"".join(mask.to_bytes(4, "little") for mask in (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    numbers = [(108, 4), (PICTURE.shape[1], 4), (PICTURE.shape[0], 4), (1, 2), (32, 2), (3, 4), (len(rows), 4)]
    numbers += [(2835, 4), (2835, 4), (0, 4), (0, 4)]
    head = b"".join(value.to_bytes(size, "little") for value, size in numbers) + masks + b"BGRs" + bytes(48)
    place = 14 + len(head)
    return b"BM" + (place + len(rows)).to_bytes(4, "little") + bytes(4) + place.to_bytes(4, "little") + head + rows


@pytest.mark.parametrize("alpha", [0, 255])
def test_bmp_with_alpha(alpha):
    assert difference(bmp_32(alpha), PICTURE) == 0


@pytest.mark.parametrize("samples", ["444", "422", "420"])
def test_jpeg_is_what_libjpeg_decodes(samples):
    data = saved(PICTURE, "JPEG", quality=95, subsampling=samples[0] + ":" + samples[1] + ":" + samples[2])
    np.testing.assert_array_equal(read_picture(data)[0], np.asarray(Image.open(io.BytesIO(data))))


def test_large_jpegs_are_decoded_at_a_reduced_scale(monkeypatch):
    from leuknet.data.containers import jpeg
    from leuknet.data.decode import decode

    data = saved(cv2.resize(PICTURE, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC), "JPEG", quality=95)
    whole, width, height = decode(data, 32)
    monkeypatch.setattr(jpeg, "REDUCE_FROM", 2**20)
    assert jpeg.read(data, 32)[0].shape[0] < 1024
    reduced, *shown = decode(data, 32)
    assert shown == [width, height] == [1280, 1024]
    assert np.abs(reduced.astype(int) - whole).mean() < 1


def damaged_jpegs(count):
    """Yield JPEGs with up to 32 other bytes in the middle of their code, and what they showed before."""
    noise = rng("damaged")
    for k in range(count):
        image = drawn(k)
        sound = saved(image, "JPEG", quality=int(noise.choice([75, 90, 95])))
        data, start = bytearray(sound), sound.index(b"\xff\xda") + 14
        place = start + int((len(sound) - start) * noise.uniform(0.2, 0.7))
        size = int(noise.choice([1, 2, 8, 32]))
        data[place : place + size] = noise.integers(0, 255, size, np.uint8).tobytes()
        yield bytes(data), np.asarray(Image.open(io.BytesIO(sound))).astype(int)


def test_a_jpeg_damaged_in_the_middle_is_refused_or_hardly_changed():
    refused, changed = 0, []
    for data, wanted in damaged_jpegs(120):
        try:
            changed.append((np.abs(read_picture(data)[0] - wanted).max(axis=2) > 16).mean())
        except LeuknetError as reason:
            refused += "damaged" in str(reason)
    missed = sum(share > 0.02 for share in changed)  # mostly damage at the start of a row of coding units
    assert refused + len(changed) == 120 and refused >= 80 and missed <= 7


def test_sound_jpegs_are_not_refused():
    for k in range(40):
        image = drawn(k, width=400, height=300)
        image[:64] = 255  # a banner whose edge lies on the border of coding units
        assert read_picture(saved(image, "JPEG", quality=85))[0].shape == (300, 400, 3)


def test_tiffs_of_many_strips_are_refused_without_reading_them(monkeypatch):
    monkeypatch.setattr(tiff, "MAX_SEGMENTS", 100)
    with pytest.raises(LeuknetError, match="128 strips, above the limit of 100"):
        read_picture(written(PICTURE, photometric="rgb", rowsperstrip=1))


@pytest.mark.parametrize("cut", [20, 3000, -200])
def test_truncated_tiffs_are_refused(cut):
    for options in ({}, {"compression": "zlib"}, {"tile": (32, 32)}):
        with pytest.raises(LeuknetError, match="damaged"):
            read_picture(written(PICTURE, photometric="rgb", **options)[:cut])


def test_imagej_stacks_are_refused():
    with pytest.raises(LeuknetError, match="several pages"):
        read_picture(written(np.stack([GREY] * 3), imagej=True))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pictures_are_left_out_of_a_cohort(tmp_path, level):
    blank = np.full((40, 40, 3), level, np.uint8)
    assert is_blank(blank) and not is_blank(PICTURE)
    spotted = blank.copy()
    spotted[18:22, 18:22] = 255 - level if level != 128 else 0
    assert not is_blank(spotted)
    (tmp_path / "a.png").write_bytes(saved(blank, "PNG"))
    _, _, (reason,) = decode_files([tmp_path / "a.png"], digests([tmp_path / "a.png"]), 16)
    assert reason.startswith("blank")
