package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Style is a generator with a mapping network and styles, and a critic for it (Karras, Laine and Aila, "A style-based generator
// architecture for generative adversarial networks", 2018, arXiv:1812.04948, and Karras et al., "Analyzing and improving the image
// quality of StyleGAN", 2019, arXiv:1912.04958).
//
// The mapping network makes of a normalised z a w, in which what varies in the images can lie more evenly than N(0,1) lets it. The
// synthesis network begins with an image that is learned and the same for all; each of its convolutions is told w by ModulatedConv2D. The image
// is the sum of what each resolution adds (the second paper's skip generator). The critic is one of residual blocks, which sees how much
// its batch varies (MinibatchStdDev). Weights start N(0, 2/inputs).
//
// What is left out: noise for each pixel, styles of two latents in one image, and equalised learning rates.
type Style struct {
	Size     int // height and width of the images: 28, 32, 64 or any other that halves evenly down to 4 … 7; default 28
	Width    int // channels at full size, doubled with each halving of it; default 16
	Channels int // of the images; default 1
	Mapping  int // layers of the mapping network, each as wide as w; the paper has 8; default 4
	Style    int // components of w; default 64
}

func (s Style) withDefaults() Style {
	s.Size, s.Width, s.Channels = orDefault(s.Size, 28), orDefault(s.Width, 16), orDefault(s.Channels, 1)
	s.Mapping, s.Style = orDefault(s.Mapping, 4), orDefault(s.Style, 64)
	return s
}

// Map is the mapping network. z: [batch, latent] float32, N(0,1); the result is w, [batch, Style], unbounded.
func (s Style) Map(scope *model.Scope, z *Node) *Node {
	s, scope = s.withDefaults(), WithHe(scope)
	w := PixelNorm(z)
	for layer := range s.Mapping {
		w = LeakyReLU(Linear(scope.In("map_%d", layer), w, s.Style), leak)
	}
	return w
}

// Synthesise makes images of w, [batch, Style]; the result: [batch, Size, Size, Channels], in [-1, 1].
func (s Style) Synthesise(scope *model.Scope, w *Node) *Node {
	s, scope = s.withDefaults(), WithHe(scope)
	times, side := halvings(s.Size)
	channels := s.Width << times
	first := parameter(WithNormal(scope.In("first"), 1), w, "image", 1, side, side, channels)
	x := BroadcastToDims(first, w.Shape().Dim(0), side, side, channels)
	var image *Node
	for stage := range times + 1 {
		if stage > 0 {
			channels /= 2
			x, image = Upsample2(x), Upsample2(image)
		}
		conv, style := scope.In("conv_%d", stage), styleOf(scope.In("style_%d", stage), w, x.Shape().Dim(3))
		x = LeakyReLU(addBias(conv, ModulatedConv2D(conv, x, style, channels, 3)), leak)
		part := SameConv2D(scope.In("to_image_%d", stage), x, s.Channels, 1)
		if image == nil {
			image = part
		} else {
			image = Add(image, part)
		}
	}
	return Tanh(image)
}

// styleOf is what w asks of each channel, around 1, [batch, channels].
func styleOf(scope *model.Scope, w *Node, channels int) *Node {
	scales := MatMul(w, weights(WithGlorot(scope), w, w.Shape().Dim(1), channels))
	return Add(scales, InsertAxes(parameter(scope.WithInitializer(initializer.One), w, "biases", channels), 0))
}

// Generator maps latents to images. z: [batch, latent] float32, N(0,1); the result: [batch, Size, Size, Channels], in [-1, 1].
func (s Style) Generator(scope *model.Scope, z *Node) *Node {
	return s.Synthesise(scope, s.Map(scope, z))
}

// Critic judges images. x: [batch, Size, Size, any channels] in [-1, 1]; the result: [batch, 1], unbounded.
func (s Style) Critic(scope *model.Scope, x *Node) *Node {
	s, scope = s.withDefaults(), WithHe(scope)
	requireSize("Style's critic", x, s.Size)
	times, _ := halvings(s.Size)
	x = LeakyReLU(SameConv2D(scope.In("input"), x, s.Width, 1), leak)
	for stage := times; stage > 0; stage-- {
		wider := 2 * x.Shape().Dim(3)
		h := LeakyReLU(SameConv2D(scope.In("conv_%d", stage), x, wider, 3), leak)
		short := SameConv2D(scope.In("shortcut_%d", stage), AveragePool2(x), wider, 1)
		x = MulScalar(Add(AveragePool2(h), short), 0.7071) // the sum of two variances
	}
	x = LeakyReLU(SameConv2D(scope.In("conv_0"), MinibatchStdDev(x, 0), x.Shape().Dim(3), 3), leak)
	return Linear(scope.In("logit"), Flatten(x), 1)
}

// ModulatedConv2D is a convolution whose input channels each sample scales by its style, and whose output channels are brought back to
// the variance that they would have without (weight demodulation: Karras et al., 2019, arXiv:1912.04958, section 2.2), with stride 1 and
// the image's size. size is odd. x: [batch, height, width, in]; style: [batch, in]; the result: [batch, height, width, out], without a
// bias. The weights ("weights": [size, size, in, out]) start by the scope's initializer.
func ModulatedConv2D(scope *model.Scope, x, style *Node, out, size int) *Node {
	requireImages("ModulatedConv2D", x)
	batch, in := x.Shape().Dim(0), x.Shape().Dim(3)
	if style.Rank() != 2 || style.Shape().Dim(0) != batch || style.Shape().Dim(1) != in {
		panic(fmt.Errorf("ModulatedConv2D needs a style [%d, %d] for images %s, not %s", batch, in, x.Shape(), style.Shape()))
	}
	kernel := weights(scope, x, size, size, in, out)
	y := sameConv(Mul(x, Reshape(style, batch, 1, 1, in)), kernel)
	sizes := MatMul(Square(style), ReduceSum(Square(kernel), 0, 1)) // of the modulated kernel of each output channel, [batch, out]
	return Mul(y, Reshape(Inverse(Sqrt(AddScalar(sizes, 1e-8))), batch, 1, 1, out))
}
