package translate

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
)

// Degradation damages images inside the graph of the step, so that every step sees other damage to the same images.
// Implementations are comparable values.
type Degradation interface {
	// Apply damages images, [batch, height, width, channels] float32. It panics on a shape that does not fit.
	Apply(images *Node, random loss.Random) *Node

	// String names the degradation with its constants.
	String() string
}

// Noise adds normal noise of standard deviation Sigma to every value; the result is not cut off at the range of the
// images.
type Noise struct{ Sigma float64 }

// Apply implements Degradation: x + σ·ε, ε ~ N(0,1).
func (n Noise) Apply(images *Node, random loss.Random) *Node {
	return Add(images, MulScalar(random.Normal(images.Shape()), n.Sigma))
}

// String implements Degradation.
func (n Noise) String() string { return fmt.Sprintf("noise sigma %g", n.Sigma) }

// Mask replaces a box of the image by 0, the middle of the range.
type Mask struct{ Top, Left, Height, Width int } // in pixels

// Apply implements Degradation.
func (m Mask) Apply(images *Node, _ loss.Random) *Node {
	d := images.Shape().Dimensions
	if m.Top < 0 || m.Left < 0 || m.Height <= 0 || m.Width <= 0 || m.Top+m.Height > d[1] || m.Left+m.Width > d[2] {
		panic(fmt.Errorf("%v does not lie in images of %d×%d", m, d[1], d[2]))
	}
	g := images.Graph()
	inside := func(axis, first, n int) *Node {
		place := Iota(g, shapes.Make(dtypes.Int32, d[1], d[2], 1), axis)
		return LogicalAnd(GreaterOrEqual(place, Scalar(g, dtypes.Int32, first)), LessThan(place, Scalar(g, dtypes.Int32, first+n)))
	}
	box := LogicalAnd(inside(0, m.Top, m.Height), inside(1, m.Left, m.Width))
	return Mul(images, InsertAxes(OneMinus(ConvertDType(box, images.DType())), 0))
}

// String implements Degradation.
func (m Mask) String() string {
	return fmt.Sprintf("mask of %d×%d at row %d, column %d", m.Height, m.Width, m.Top, m.Left)
}

// Half halves height and width, which must be even: each pixel is the mean of a window of 2×2.
type Half struct{}

// Apply implements Degradation. The result: [batch, height/2, width/2, channels].
func (h Half) Apply(images *Node, _ loss.Random) *Node {
	d := images.Shape().Dimensions
	if d[1]%2 != 0 || d[2]%2 != 0 {
		panic(fmt.Errorf("images of %d×%d cannot be halved evenly", d[1], d[2]))
	}
	return ReduceMean(Reshape(images, d[0], d[1]/2, 2, d[2]/2, 2, d[3]), 2, 4)
}

// String implements Degradation.
func (Half) String() string { return "half" }
