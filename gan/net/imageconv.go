package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
)

// SameConv2D is a convolution with stride 1 that keeps the image's size, plus a bias. size is odd; the edges are padded
// with zeros. x: [batch, height, width, in]; the result: [batch, height, width, out]. The weights ("weights":
// [size, size, in, out]) start by the scope's initializer, the biases zero.
//
// Like all layers here it can be differentiated twice, as gradient penalties ask.
func SameConv2D(scope *model.Scope, x *Node, out, size int) *Node {
	return sameWindow(x, size).biased(scope, x, weights(scope, x, size, size, x.Shape().Dim(-1), out))
}

// DownConv2D is a convolution of 4×4 windows with stride 2 that halves the image's size, plus a bias: DCGAN's way down
// (Radford et al., 2015, arXiv:1511.06434). Height and width are even; one pixel of zeros is padded around.
// x: [batch, height, width, in]; the result: [batch, height/2, width/2, out]. The weights ("weights": [4, 4, in, out])
// start by the scope's initializer, the biases zero.
func DownConv2D(scope *model.Scope, x *Node, out int) *Node {
	return addBias(scope, downConv(x, weights(scope, x, 4, 4, x.Shape().Dim(-1), out)))
}

// UpConv2D is the transposed convolution of 4×4 windows with stride 2 that doubles the image's size, plus a bias:
// DCGAN's way up, which computes what PyTorch's ConvTranspose2d(in, out, 4, 2, 1) does. x: [batch, height, width, in];
// the result: [batch, 2·height, 2·width, out]. The weights ("weights": [4, 4, in, out]) start by the scope's
// initializer, the biases zero. Each pixel is the sum of 4·in products, not 16·in, so WithHe starts them at half
// the scale that keeps the variance.
func UpConv2D(scope *model.Scope, x *Node, out int) *Node {
	return addBias(scope, upConv(scope, x, out))
}

// upConv is UpConv2D without the bias, for layers whose normalisation would remove it.
func upConv(scope *model.Scope, x *Node, out int) *Node {
	requireImages("UpConv2D", x)
	w := window{height: 2 * x.Shape().Dim(1), width: 2 * x.Shape().Dim(2), size: 4, stride: 2, pad: 1}
	kernel := weights(scope, x, 4, 4, x.Shape().Dim(3), out)
	return w.transpose(x, TransposeAllAxes(kernel, 0, 1, 3, 2))
}

// sameConv is SameConv2D with a given kernel and without the bias.
func sameConv(x, kernel *Node) *Node { return sameWindow(x, kernel.Shape().Dim(0)).convolve(x, kernel) }

// sameWindow is the geometry of SameConv2D.
func sameWindow(x *Node, size int) window {
	requireImages("SameConv2D", x)
	if size%2 == 0 {
		panic(fmt.Errorf("SameConv2D needs an odd size, not %d: an even window has no middle", size))
	}
	return window{height: x.Shape().Dim(1), width: x.Shape().Dim(2), size: size, stride: 1, pad: size / 2}
}

// downConv is DownConv2D with a given kernel and without the bias.
func downConv(x, kernel *Node) *Node {
	requireEven("DownConv2D", x)
	w := window{height: x.Shape().Dim(1), width: x.Shape().Dim(2), size: 4, stride: 2, pad: 1}
	return w.convolve(x, kernel)
}

// Conv2D is a convolution with stride 1 and no padding ("valid"), plus a bias. x: [batch, height, width, in];
// the result: [batch, height-size+1, width-size+1, out]. Weights and biases start as in Dense
// ("weights": [size, size, in, out]).
func Conv2D(scope *model.Scope, x *Node, out, size int) *Node {
	requireImages("Conv2D", x)
	w := window{height: x.Shape().Dim(1), width: x.Shape().Dim(2), size: size, stride: 1}
	return w.biased(scope, x, weights(WithGlorot(scope), x, size, size, x.Shape().Dim(3), out))
}
