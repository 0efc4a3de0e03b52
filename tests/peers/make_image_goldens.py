#!/usr/bin/env python3
"""Writes tests/data/pictures: small pictures of every kind that topwork reads, and goldens.tsv, what Pillow makes of
them. The numbers in the repository were made with Pillow 13.0.0 (libjpeg-turbo 3.2.0) and numpy 2.

goldens.tsv, one row a result, tabs between:
  file  decode  alpha-background                           width x height  SHA-256 of the RGB bytes
  file  resize  filter,geometry,crop,rounding,net size     width x height  SHA-256 of the RGB bytes or float32 values
  file  draft   the same                                   width x height  SHA-256 of the RGB bytes decoded by Image.draft
  file  draft-resize  the same                             width x height  as resize, of what draft decoded
What is written by libraries whose lossy decoders differ from version to version has no row. picture.heic is rgb8.png
through libvips 8.14 (heifsave, HEVC); Pillow does not write HEIC, so this file is kept as it is.

usage: make_image_goldens.py [FOLDER]
"""
import hashlib
import io
import pathlib
import struct
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1] / "data" / "pictures")
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
warnings.simplefilter("ignore")


# ---- pictures --------------------------------------------------------------------------------------------------------

def pixels(width, height, channels, seed=1, top=256):
    """Gradients with noise, an edge in the middle, and in the last channel (alpha) all of its range."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = (x * (3 + 2 * c) + y * (5 - c)) * 1.0 / max(1, width + height) * 60 + 40 * c
        plane += rng.normal(0, 12, plane.shape) + 90 * (x > width // 2)
        planes.append(np.clip(plane, 0, 255) / 255 * (top - 1))
    if channels in (2, 4):
        planes[-1] = (x * 7 + y * 11) % 256 / 255 * (top - 1)
    return np.stack(planes, -1).round().astype(np.uint32)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(samples, depth):
    """Samples (height x width x channels) as PNG rows, filter type 0 each."""
    height, width, channels = samples.shape
    rows = []
    for row in samples.reshape(height, width * channels):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        elif depth == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8)
            data = np.packbits(bits.reshape(-1)).tobytes()
        rows.append(b"\0" + data)
    return b"".join(rows)


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png(samples, depth, colour, interlaced=False, before=b"", after=b""):
    height, width = samples.shape[:2]
    data = b""
    if interlaced:
        for x, y, dx, dy in ADAM7:
            part = samples[y::dy, x::dx]
            data += pack_rows(part, depth) if part.size else b""
    else:
        data = pack_rows(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(data, 9)) + after +
            chunk(b"IEND", b""))


def palette(count, seed=3):
    return chunk(b"PLTE", np.random.default_rng(seed).integers(0, 256, 3 * count, dtype=np.uint8).tobytes())


def exif(orientation, big=False):
    e = ">" if big else "<"
    return (b"MM\0*" if big else b"II*\0") + struct.pack(e + "IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def xmp(orientation):
    return (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation)


def itxt(text):
    return chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text)


def png_pictures():
    for depth in (1, 2, 4, 8, 16):
        grey = pixels(37, 23, 1, depth, 2**depth)
        key = chunk(b"tRNS", struct.pack(">H", int(grey[11, 18, 0])))
        yield f"grey{depth}.png", png(grey, depth, 0)
        yield f"grey{depth}-key.png", png(grey, depth, 0, before=key)
        yield f"grey{depth}-interlaced.png", png(grey, depth, 0, True)
    yield "grey16-dark.png", png(pixels(37, 23, 1, 16, 400), 16, 0)
    for depth in (8, 16):
        rgb = pixels(37, 23, 3, depth, 2**depth)
        key = chunk(b"tRNS", struct.pack(">3H", *(int(v) >> depth - 8 for v in rgb[11, 18])))
        yield f"rgb{depth}.png", png(rgb, depth, 2)
        yield f"rgb{depth}-key.png", png(rgb, depth, 2, before=key)
        yield f"rgb{depth}-interlaced.png", png(rgb, depth, 2, True)
        yield f"grey-alpha{depth}.png", png(pixels(37, 23, 2, depth, 2**depth), depth, 4)
        yield f"rgba{depth}.png", png(pixels(37, 23, 4, depth, 2**depth), depth, 6)
        yield f"rgba{depth}-interlaced.png", png(pixels(37, 23, 4, depth, 2**depth), depth, 6, True)
    for depth in (1, 2, 4, 8):
        index = pixels(37, 23, 1, depth, 2**depth)
        alphas = chunk(b"tRNS", np.linspace(0, 255, 2**depth).astype(np.uint8).tobytes())
        one = chunk(b"tRNS", b"\xff" * (int(index[11, 18, 0])) + b"\0")
        yield f"palette{depth}.png", png(index, depth, 3, before=palette(2**depth))
        yield f"palette{depth}-alpha.png", png(index, depth, 3, before=palette(2**depth) + alphas)
        yield f"palette{depth}-one.png", png(index, depth, 3, depth == 8, before=palette(2**depth) + one)
    yield "palette-short.png", png(pixels(37, 23, 1, 5, 16), 4, 3, before=palette(9))
    for width, height in ((1, 1), (1, 500), (500, 1), (2, 3), (7, 5)):
        yield f"size-{width}x{height}.png", png(pixels(width, height, 3), 8, 2)
    yield "size-5x3-interlaced.png", png(pixels(5, 3, 3), 8, 2, True)
    rgb = pixels(19, 11, 3)
    yield "exif6.png", png(rgb, 8, 2, before=chunk(b"eXIf", exif(6, True)))
    yield "exif8-behind.png", png(rgb, 8, 2, after=chunk(b"eXIf", exif(8)))
    yield "xmp5.png", png(rgb, 8, 2, before=itxt(xmp(5)))
    yield "exif3-xmp6.png", png(rgb, 8, 2, before=chunk(b"eXIf", exif(3)) + itxt(xmp(6)))
    yield "gamma-ignored.png", png(rgb, 8, 2, before=chunk(b"gAMA", struct.pack(">I", 100000)))


def saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def rgb_image(width, height, seed=1):
    return Image.fromarray(pixels(width, height, 3, seed).astype(np.uint8))


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg_pictures():
    image = rgb_image(75, 53)
    plain = saved(image, "JPEG", quality=85)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"{name}.jpg", saved(image, "JPEG", quality=85, subsampling=subsampling)
        yield f"{name}-progressive.jpg", saved(image, "JPEG", quality=85, subsampling=subsampling, progressive=True)
    yield "restart.jpg", saved(image, "JPEG", quality=40, restart_marker_blocks=3)
    yield "rgb.jpg", saved(image, "JPEG", quality=90, keep_rgb=True)
    yield "grey.jpg", saved(image.convert("L"), "JPEG", quality=85)
    cmyk = saved(Image.fromarray(pixels(75, 53, 4).astype(np.uint8), "CMYK"), "JPEG", quality=85)
    at = cmyk.index(b"Adobe") + 11
    yield "cmyk-adobe.jpg", cmyk
    yield "ycck-adobe.jpg", cmyk[:at] + b"\2" + cmyk[at + 1:]
    yield "cmyk-plain.jpg", cmyk[:at - 15] + cmyk[at + 1:]
    for width, height in ((1, 1), (1, 500), (37, 23), (16, 16)):
        yield f"size-{width}x{height}.jpg", saved(rgb_image(width, height), "JPEG", quality=80)
    small = saved(rgb_image(21, 13), "JPEG", quality=90)
    for orientation in range(1, 9):
        mark = segment(0xE1, b"Exif\0\0" + exif(orientation, orientation % 2 == 0))
        yield f"exif{orientation}.jpg", small[:2] + mark + small[2:]
    yield "xmp6.jpg", small[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6)) + small[2:]
    yield "exif9.jpg", small[:2] + segment(0xE1, b"Exif\0\0" + exif(9)) + small[2:]
    yield "trailing.jpg", plain + b"something else"


def vips_pictures():
    image = rgb_image(37, 23, 8)  # rgb8.png
    rgba = Image.fromarray(pixels(37, 23, 4).astype(np.uint8))
    indexed = image.quantize(32)
    grey16 = Image.fromarray(pixels(37, 23, 1, 16, 400)[:, :, 0].astype(np.uint16))
    cmyk = Image.fromarray(pixels(37, 23, 4).astype(np.uint8), "CMYK")
    yield "rgb.webp", saved(image, "WEBP", lossless=True)
    yield "rgba.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "exif6.webp", saved(image, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    yield "plain.gif", saved(indexed, "GIF")
    yield "transparent.gif", saved(indexed, "GIF", transparency=3)
    yield "animated.gif", saved(indexed, "GIF", save_all=True, append_images=[rgb_image(37, 23, 9).quantize(16)])
    yield "rgb.tif", saved(image, "TIFF")
    yield "rgb-lzw.tif", saved(image, "TIFF", compression="tiff_lzw")
    yield "rgba.tif", saved(rgba, "TIFF", compression="tiff_deflate")
    deflated = saved(rgba, "TIFF", compression="tiff_deflate")
    extra = deflated.index(struct.pack("<HHI", 338, 3, 1)) + 8
    for value in (0, 1):  # the fourth channel is anything; is alpha that the colours were multiplied with
        yield f"extra{value}.tif", deflated[:extra] + struct.pack("<H", value) + deflated[extra + 2:]
    yield "grey.tif", saved(image.convert("L"), "TIFF")
    yield "bilevel.tif", saved(image.convert("1"), "TIFF")
    yield "grey16.tif", saved(grey16, "TIFF")
    yield "palette.tif", saved(indexed, "TIFF")
    yield "cmyk.tif", saved(cmyk, "TIFF")
    yield "exif6.tif", saved(image, "TIFF", tiffinfo={274: 6})
    yield "pages.tif", saved(image, "TIFF", save_all=True, append_images=[rgb_image(8, 8)])
    yield "big.tif", saved(image, "TIFF", big_tiff=True)
    yield "lossy.webp", saved(image, "WEBP", quality=80)
    yield "picture.avif", saved(image, "AVIF", quality=80)


LOSSY = {"lossy.webp", "picture.avif"}  # read in the suite, but not compared
# libvips keeps no colour where these are transparent.
UNDEFINED = {("transparent.gif", "dropped"), ("extra1.tif", "dropped")}


# ---- what Pillow makes of them ---------------------------------------------------------------------------------------

def high_bytes(image):
    """Grey of 16 bits by its high byte; Pillow's own convert clips it at 255."""
    values = np.asarray(image)
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if "transparency" not in image.info:
        return grey
    opaque = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(opaque)))


def drafted(data, geometry, crop, net):
    """Decoded no larger than it must be to cover net / crop; draft sees a turned picture as it is stored."""
    image = Image.open(io.BytesIO(data))
    cover = net if geometry == "squash" else (round(net[0] / crop), round(net[1] / crop))
    turned = image.getexif().get(274, 1) in (5, 6, 7, 8)
    image.draft("RGB", cover[::-1] if turned else cover)
    return ImageOps.exif_transpose(image).convert("RGB")


def decoded(data, alpha):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I;16"):
        image = high_bytes(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        if alpha == "dropped":
            return Image.fromarray(np.asarray(image)[:, :, :3])
        background = {"white": (255,) * 4, "black": (0, 0, 0, 255)}[alpha]
        image = Image.alpha_composite(Image.new("RGBA", image.size, background), image)
    return image.convert("RGB")


def sizes(image, geometry, crop, net):
    """Size of the whole resized picture, and where in it the network's window lies."""
    if geometry == "squash":
        return net, (0, 0)
    w, h = image.size
    scale = max(round(net[0] / crop) / w, round(net[1] / crop) / h)
    nw, nh = max(1, round(w * scale)), max(1, round(h * scale))
    return (nw, nh), ((nw - net[0]) // 2, (nh - net[1]) // 2)


def resized(image, kind, geometry, crop, rounding, net):
    (nw, nh), (left, top) = sizes(image, geometry, crop, net)
    window = (left, top, left + net[0], top + net[1])

    def two_calls(band):
        return band.resize((nw, band.height), FILTERS[kind]).resize((nw, nh), FILTERS[kind]).crop(window)

    if rounding == "u8":
        return two_calls(image).tobytes()
    bands = [Image.fromarray(np.asarray(band).astype(np.float32)) for band in image.split()]
    return np.stack([np.asarray(two_calls(band)) for band in bands], -1).astype("<f4").tobytes()


RESIZES = [(kind, geometry, crop, rounding, net) for kind in FILTERS for rounding in ("u8", "float")
           for geometry, crop, net in (("squash", 1, (33, 21)), ("crop", 0.875, (24, 24)), ("crop", 0.7, (40, 9)))]
RESIZED_FILES = ("444.jpg", "size-1x500.png", "size-500x1.png", "size-1x1.png", "size-7x5.png", "rgba8.png",
                 "exif6.jpg", "rgb8.png")
DRAFTS = [("bilinear", geometry, crop, "u8", net)
          for geometry, crop, net in (("squash", 1, (9, 6)), ("squash", 1, (18, 13)), ("squash", 1, (33, 21)),
                                      ("squash", 1, (3, 5)), ("squash", 1, (1, 1)), ("crop", 0.875, (24, 24)),
                                      ("crop", 0.7, (5, 14)), ("crop", 0.7, (2, 7)))]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, data in [*png_pictures(), *jpeg_pictures(), *vips_pictures()]:
        (FOLDER / name).write_bytes(data)
        if name in LOSSY:
            continue
        for alpha in ("white", "black", "dropped"):
            if (name, alpha) not in UNDEFINED:
                image = decoded(data, alpha)
                rows.append((name, "decode", alpha, image.size, image.tobytes()))
    for name in RESIZED_FILES:
        image = decoded((FOLDER / name).read_bytes(), "white")
        for kind, geometry, crop, rounding, net in RESIZES:
            how = f"{kind},{geometry},{crop},{rounding},{net[0]}x{net[1]}"
            rows.append((name, "resize", how, net, resized(image, kind, geometry, crop, rounding, net)))
    for path in sorted(FOLDER.glob("*.jpg")):
        for kind, geometry, crop, rounding, net in DRAFTS:
            how = f"{kind},{geometry},{crop},{rounding},{net[0]}x{net[1]}"
            image = drafted(path.read_bytes(), geometry, crop, net)
            rows.append((path.name, "draft", how, image.size, image.tobytes()))
            rows.append((path.name, "draft-resize", how, net, resized(image, kind, geometry, crop, rounding, net)))
    with open(FOLDER / "goldens.tsv", "w", newline="\n") as file:
        for name, what, how, size, data in rows:
            file.write("\t".join((name, what, how, f"{size[0]}x{size[1]}", hashlib.sha256(data).hexdigest())) + "\n")


if __name__ == "__main__":
    main()
