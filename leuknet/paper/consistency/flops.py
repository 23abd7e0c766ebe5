"""Multiply-accumulates and parameters of the five networks of Table 2, counted layer by layer on paper."""

from dataclasses import dataclass, field

REFERENCE = "counted from the networks' definitions [45-48] as in keras.applications"


@dataclass
class Count:
    """A running count along one path; branches share the `sums` of their trunk.

    Attributes
    ----------
    size, channels : int
        Edge (pixels) and depth of the current feature map.
    sums : dict
        ``macs`` (for one image), ``macs3`` (those of dense 3 x 3 convolutions with stride 1), ``first`` (of the first
        layer), ``parameters``, ``convolutions`` (dense ones).
    """

    size: int
    channels: int
    sums: dict = field(
        default_factory=lambda: dict.fromkeys(("macs", "macs3", "first", "parameters", "convolutions"), 0)
    )

    def branch(self):
        """Return a second path from here."""
        return Count(self.size, self.channels, self.sums)

    def _step(self, edge, stride, same):
        self.size = -(-self.size // stride) if same else (self.size - edge) // stride + 1

    def conv(self, channels, height=3, width=None, stride=1, same=True, bias=False, norm=4):
        """Add a convolution; `norm`: parameters of the batch normalisation for a channel (0: none, 3: no scale)."""
        width = width or height
        if stride > 1 or not same:
            self._step(height, stride, same)
        weights = height * width * self.channels * channels
        macs = weights * self.size**2
        self.sums["first"] = self.sums["first"] or macs
        self.sums["macs"] += macs
        self.sums["convolutions"] += 1
        self.sums["macs3"] += macs * (height == width == 3 and stride == 1)
        self.sums["parameters"] += weights + channels * (bias + norm)
        self.channels = channels
        return self

    def separable(self, channels):
        """Add a 3 x 3 depthwise and a 1 x 1 convolution, normalised once (Xception)."""
        self.sums["macs"] += 9 * self.channels * self.size**2
        self.sums["parameters"] += 9 * self.channels
        return self.conv(channels, 1)

    def pool(self, edge=2, stride=2, same=False):
        """Add pooling."""
        self._step(edge, stride, same)
        return self

    def dense(self, features, units):
        """Add a dense layer."""
        self.sums["macs"] += features * units
        self.sums["parameters"] += features * units + units
        return self

    def join(self, *paths):
        """Go on behind the concatenation of `paths`."""
        self.size, self.channels = paths[0].size, sum(p.channels for p in paths)
        return self


def _vgg(size, blocks):
    net = Count(size, 3)
    for layers, channels in zip(blocks, (64, 128, 256, 512, 512), strict=True):
        for _ in range(layers):
            net.conv(channels, bias=True, norm=0)
        net.pool()
    return net


def _resnet50(size):
    net = Count(size, 3).conv(64, 7, stride=2, bias=True).pool(3, 2, same=True)
    for layers, channels, stride in ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)):
        for layer in range(layers):
            first = stride if layer == 0 else 1
            if layer == 0:
                net.branch().conv(4 * channels, 1, stride=first, bias=True)
            net.conv(channels, 1, stride=first, bias=True).conv(channels, bias=True).conv(4 * channels, 1, bias=True)
    return net


def _xception(size):
    net = Count(size, 3).conv(32, stride=2, same=False).conv(64, same=False)
    for channels in (128, 256, 728):
        net.branch().conv(channels, 1, stride=2)
        net.separable(channels).separable(channels).pool(3, 2, same=True)
    for _ in range(24):
        net.separable(728)
    net.branch().conv(1024, 1, stride=2)
    return net.separable(728).separable(1024).pool(3, 2, same=True).separable(1536).separable(2048)


def _inception_a(net, pool):
    a, b, c, d = (net.branch() for _ in range(4))
    a.conv(64, 1, norm=3)
    b.conv(48, 1, norm=3).conv(64, 5, norm=3)
    c.conv(64, 1, norm=3).conv(96, norm=3).conv(96, norm=3)
    return net.join(a, b, c, d.conv(pool, 1, norm=3))


def _inception_b(net, width):
    a, b, c, d = (net.branch() for _ in range(4))
    a.conv(192, 1, norm=3)
    b.conv(width, 1, norm=3).conv(width, 1, 7, norm=3).conv(192, 7, 1, norm=3)
    c.conv(width, 1, norm=3)
    for channels, shape in ((width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7))):
        c.conv(channels, *shape, norm=3)
    return net.join(a, b, c, d.conv(192, 1, norm=3))


def _inception_c(net):
    a, b, c, d = (net.branch() for _ in range(4))
    a.conv(320, 1, norm=3)
    b.conv(384, 1, norm=3)
    c.conv(448, 1, norm=3).conv(384, norm=3)
    ends = [p.branch().conv(384, *shape, norm=3) for p in (b, c) for shape in ((1, 3), (3, 1))]
    return net.join(a, *ends, d.conv(192, 1, norm=3))


def _inception_v3(size):
    net = Count(size, 3).conv(32, stride=2, same=False, norm=3).conv(32, same=False, norm=3).conv(64, norm=3)
    net.pool(3, 2).conv(80, 1, norm=3).conv(192, same=False, norm=3).pool(3, 2)
    for pool in (32, 64, 64):
        _inception_a(net, pool)
    a, b = net.branch(), net.branch()
    a.conv(384, stride=2, same=False, norm=3)
    b.conv(64, 1, norm=3).conv(96, norm=3).conv(96, stride=2, same=False, norm=3)
    net.join(a, b, net.branch().pool(3, 2))
    for width in (128, 160, 160, 192):
        _inception_b(net, width)
    a, b = net.branch(), net.branch()
    a.conv(192, 1, norm=3).conv(320, stride=2, same=False, norm=3)
    b.conv(192, 1, norm=3).conv(192, 1, 7, norm=3).conv(192, 7, 1, norm=3).conv(192, stride=2, same=False, norm=3)
    net.join(a, b, net.branch().pool(3, 2))
    return _inception_c(_inception_c(net))


BACKBONES = {
    "VGG-16": lambda size: _vgg(size, (2, 2, 3, 3, 3)),
    "VGG-19": lambda size: _vgg(size, (2, 2, 4, 4, 4)),
    "ResNet50": _resnet50,
    "InceptionV3": _inception_v3,
    "Xception": _xception,
}


def count(name, size=224, head=None):
    """Return the counts of one network.

    Parameters
    ----------
    name : str
        As in Table 2.
    size : int
        Edge of the input image, pixels.
    head : sequence of int or None
        Units of the dense layers; None: those of the ImageNet network. VGG flattens, the others pool.

    Returns
    -------
    dict
        ``macs``, ``macs3``, ``first`` for one image; ``parameters``, ``convolutions``. A multiply-accumulate is two
        operations.
    """
    net = BACKBONES[name](size)
    vgg = name.startswith("VGG")
    features = net.channels * net.size**2 if vgg else net.channels
    for units in ((4096, 4096, 1000) if vgg else (1000,)) if head is None else head:
        net.dense(features, units)
        features = units
    return net.sums


def training_operations(sums, saved=1.0):
    """Return operations for one image forward and backward; `saved` divides the 3 x 3 convolutions (Winograd).

    Backward costs twice the forward pass, less the first layer's gradient of its input.
    """
    return 2 * (3 * (sums["macs"] - sums["macs3"] * (1 - 1 / saved)) - sums["first"])
