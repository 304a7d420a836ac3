package net

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
)

// DiffAugment alters the images that a critic sees, real and fake alike, at random and differentiably, so that a critic
// of few real images cannot learn them by heart, and the generator still learns from its gradient. Each field is one
// transformation, and 0 leaves it out. PaperAugment has the constants of the paper; every flip and shift must be one
// that the data could have had: no Flip for digits.
//
// Zhao et al., "Differentiable augmentation for data-efficient GAN training", 2020, arXiv:2006.10738.
type DiffAugment struct {
	Brightness  float64 // adds a number from [-Brightness, Brightness] to all pixels of an image
	Saturation  float64 // multiplies what tells colours from grey by a number from [1-Saturation, 1+Saturation]
	Contrast    float64 // multiplies what tells pixels from their mean by a number from [1-Contrast, 1+Contrast]
	Translation float64 // shifts by whole pixels, up to this part of the height and of the width, in [0, 1)
	Cutout      float64 // hides a square, this part as high and as wide as the image, in [0, 1]; edges may cut it
	Flip        bool    // mirrors left and right, every second time
}

// PaperAugment is the whole DiffAugment of the paper: colour, translation by up to 1/8 and cutout of 1/2, without Flip.
func PaperAugment() DiffAugment {
	return DiffAugment{Brightness: 0.5, Saturation: 1, Contrast: 0.5, Translation: 0.125, Cutout: 0.5}
}

// background is what shifts bring in and cutouts leave: black.
const background = -1

// String names the transformations, as kept in checkpoints: "diffaugment translation 0.125 cutout 0.5".
func (a DiffAugment) String() string {
	names := []string{"diffaugment"}
	for _, part := range []struct {
		name  string
		value float64
	}{
		{"brightness", a.Brightness}, {"saturation", a.Saturation}, {"contrast", a.Contrast},
		{"translation", a.Translation}, {"cutout", a.Cutout},
	} {
		if part.value != 0 {
			names = append(names, fmt.Sprintf("%s %g", part.name, part.value))
		}
	}
	if a.Flip {
		names = append(names, "flip")
	}
	return strings.Join(names, " ")
}

// Apply transforms a batch of images. images: [batch, height, width, channels] float in [-1, 1], with black at -1;
// strength: a scalar float32 in [0, 1], the probability with which each image gets each transformation (as in Karras et
// al., 2020, arXiv:2006.06676); the result: like images, though brightness, saturation and contrast may leave [-1, 1].
// At strength 0 it is images, exactly. It can be differentiated by images any number of times.
func (a DiffAugment) Apply(images, strength *Node, random loss.Random) *Node {
	requireImages("DiffAugment", images)
	if err := a.Check(); err != nil {
		panic(err)
	}
	if strength.Rank() != 0 {
		panic(fmt.Errorf("DiffAugment needs a scalar strength, not %s", strength.Shape()))
	}
	draw := sampleDraws{images: images, random: random}
	strength = ConvertDType(strength, images.DType())
	sometimes := func(x, changed *Node) *Node { return Where(draw.chance(strength), changed, x) }
	x := images
	if a.Brightness != 0 {
		x = sometimes(x, Add(x, draw.around(0, a.Brightness)))
	}
	if a.Saturation != 0 {
		x = sometimes(x, spread(x, draw.around(1, a.Saturation), 3))
	}
	if a.Contrast != 0 {
		x = sometimes(x, spread(x, draw.around(1, a.Contrast), 1, 2, 3))
	}
	if a.Flip {
		half := Scalar(x.Graph(), x.DType(), 0.5)
		x = sometimes(x, Where(draw.chance(half), mirror(x), x))
	}
	if a.Translation != 0 {
		down, right := a.furthest(x.Shape().Dim(1)), a.furthest(x.Shape().Dim(2))
		x = sometimes(x, translate(x, draw.integer(-down, down), draw.integer(-right, right)))
	}
	if a.Cutout != 0 {
		hidden := LogicalAnd(InsertAxes(a.hidden(draw, 1), 2), InsertAxes(a.hidden(draw, 2), 1))
		x = sometimes(x, Where(hidden, Scalar(x.Graph(), x.DType(), background), x))
	}
	return x
}

// Check returns an error where a constant is out of its range.
func (a DiffAugment) Check() error {
	colours := a.Brightness + a.Saturation + a.Contrast
	if !(a.Brightness >= 0 && a.Saturation >= 0 && a.Contrast >= 0 && colours < math.Inf(1) && a.Translation >= 0 && a.Translation < 1 &&
		a.Cutout >= 0 && a.Cutout <= 1) {
		return fmt.Errorf("%v is impossible: no constant may be negative, translation is below 1 and cutout at most 1", a)
	}
	return nil
}

// furthest is the largest shift along an axis of size pixels.
func (a DiffAugment) furthest(size int) int { return int(a.Translation*float64(size) + 0.5) }

// hidden tells which pixels of an axis of the images a cutout hides, [batch, size] bool: a run of them around a place
// drawn among all.
func (a DiffAugment) hidden(draw sampleDraws, axis int) *Node {
	size := draw.images.Shape().Dim(axis)
	length := int(a.Cutout*float64(size) + 0.5)
	centre := InsertAxes(draw.integer(0, size-length%2), -1)
	place := Iota(centre.Graph(), shapes.Make(dtypes.Int32, draw.images.Shape().Dim(0), size), 1)
	past := Sub(place, SubScalar(centre, length/2)) // the beginning of the run
	zero, end := ScalarZero(past.Graph(), dtypes.Int32), Scalar(past.Graph(), dtypes.Int32, length)
	return LogicalAnd(GreaterOrEqual(past, zero), LessThan(past, end))
}

// sampleDraws draws one random number per image.
type sampleDraws struct {
	images *Node
	random loss.Random
}

func (d sampleDraws) uniform() *Node {
	return d.random.Uniform(shapes.Make(d.images.DType(), d.images.Shape().Dim(0)))
}

// chance is true with the given probability, a scalar: [batch] bool.
func (d sampleDraws) chance(probability *Node) *Node { return LessThan(d.uniform(), probability) }

// around is uniform in [centre-width, centre+width): [batch, 1, 1, 1].
func (d sampleDraws) around(centre, width float64) *Node {
	return InsertAxes(AddScalar(MulScalar(d.uniform(), 2*width), centre-width), -1, -1, -1)
}

// integer is one of least, …, most, each with the same probability: [batch] int32.
func (d sampleDraws) integer(least, most int) *Node {
	steps := Floor(MulScalar(d.uniform(), float64(most-least+1)))
	steps = MinScalar(steps, float64(most-least)) // the product may be rounded up
	return AddScalar(ConvertDType(steps, dtypes.Int32), least)
}

// spread multiplies the distance of x from its mean over the axes by factor.
func spread(x, factor *Node, axes ...int) *Node {
	mean := ReduceAndKeep(x, ReduceMean, axes...)
	return Add(mean, Mul(Sub(x, mean), factor))
}

// mirror exchanges left and right. x: [batch, height, width, channels].
func mirror(x *Node) *Node { return WithAdjoints(Reverse(x, 2), LinearIn{x, mirror}) }

// translate shifts each image by its own number of pixels and fills the edge with the background.
// x: [batch, height, width, channels]; down, right: [batch] int32.
func translate(x, down, right *Node) *Node {
	_, inside := origin(x, down, right)
	return Add(shiftOverZeros(x, down, right), Where(inside, ZerosLike(x), MulScalar(OnesLike(x), background)))
}

// shiftOverZeros is translate with zeros at the edge, which is linear in x; its adjoint shifts back.
func shiftOverZeros(x, down, right *Node) *Node {
	from, inside := origin(x, down, right)
	return WithAdjoints(Where(inside, Gather(x, from), ZerosLike(x)),
		LinearIn{x, func(y *Node) *Node { return shiftOverZeros(y, Neg(down), Neg(right)) }})
}

// origin returns where each pixel of a shifted image comes from, [batch, height, width, 3] int32 (image, row, column,
// moved to the edge if outside), and whether that is inside the image, [batch, height, width] bool.
func origin(x, down, right *Node) (from, inside *Node) {
	g, height, width := x.Graph(), x.Shape().Dim(1), x.Shape().Dim(2)
	places := shapes.Make(dtypes.Int32, x.Shape().Dim(0), height, width)
	row := Sub(Iota(g, places, 1), InsertAxes(down, -1, -1))
	column := Sub(Iota(g, places, 2), InsertAxes(right, -1, -1))
	nearestRow, nearestColumn := ClipScalar(row, 0, float64(height-1)), ClipScalar(column, 0, float64(width-1))
	inside = LogicalAnd(Equal(row, nearestRow), Equal(column, nearestColumn))
	return Stack([]*Node{Iota(g, places, 0), nearestRow, nearestColumn}, -1), inside
}

// Adaptive chooses the strength of an augmentation while a run trains. A critic that has begun to learn its few real
// images by heart gives nearly all of them positive logits: Adaptive strengthens the augmentation while
//
//	r = E[sign(D(real))]
//
// is above Target, and weakens it while r is below. Karras et al., "Training generative adversarial networks with
// limited data", 2020, arXiv:2006.06676 (ADA), section 3.1. The zero value has the constants of the paper.
type Adaptive struct {
	Target float64 // of r, in (-1, 1); default 0.6
	Speed  float64 // real images that the critic sees while strength goes from 0 to 1; default 500 000
}

// String names the controller and its constants, as kept in checkpoints: "adaptive target 0.6 speed 500000".
func (a Adaptive) String() string {
	a = a.withDefaults()
	return fmt.Sprintf("adaptive target %g speed %.0f", a.Target, a.Speed)
}

func (a Adaptive) withDefaults() Adaptive {
	if a.Target == 0 {
		a.Target = 0.6
	}
	if a.Speed == 0 {
		a.Speed = 500_000
	}
	return a
}

// Check returns an error where a constant is out of its range.
func (a Adaptive) Check() error {
	if a = a.withDefaults(); !(a.Target > -1 && a.Target < 1 && a.Speed > 0 && a.Speed < math.Inf(1)) {
		return fmt.Errorf("%v is impossible: the target lies between -1 and 1, and speed is a positive number of images", a)
	}
	return nil
}

// Next returns the strength after the critic has seen more real images, to whose logits it gave the mean sign meanSign,
// in [-1, 1]:
//
//	strength + sign(meanSign - Target) · images / Speed,    kept in [0, 1]
//
// The paper asks every four batches and takes the mean sign over those. A Speed that is not positive, or a mean sign
// that is not a number, leaves the strength as it is.
func (a Adaptive) Next(strength, meanSign float64, images int) float64 {
	a = a.withDefaults()
	change := float64(images) / a.Speed
	switch {
	case !(a.Speed > 0):
		change = 0
	case meanSign < a.Target:
		change = -change
	case !(meanSign > a.Target):
		change = 0
	}
	return min(1, max(0, strength+change))
}
