package net

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/part"
)

// Named is a network that has a name: a Plain one, or a Classed one that also sees the class of each sample. The other is nil.
type Named struct {
	Plain   func(scope *model.Scope, x *Node) *Node
	Classed func(scope *model.Scope, x, labels *Node) *Node
}

const (
	mostWidth  = 1 << 14
	mostSide   = 1 << 14
	mostClass  = 1 << 16
	mostLayers = 100

	mostCertainty = 100
)

// Generators are the generators by name.
func Generators() part.Kinds[Named] {
	return part.Kinds[Named]{Sort: "generator", All: []part.Kind[Named]{
		function("mlp", "the article's: dense layers, 28×28", MLPGenerator),
		function("norm-mlp", "the same with batch norm and LeakyReLU", NormMLPGenerator),
		family("conditional-mlp", "norm-mlp, told the class", (*ConditionalMLP).parameters, func(c ConditionalMLP) Named { return Named{Classed: c.Generator} }),
		family("dcgan", "convolutions, doubling a small image", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Plain: d.Generator} }),
		family("conditional-dcgan", "dcgan, told the class by batch norm", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Classed: d.ConditionalGenerator} }),
		family("resnet", "residual blocks", (*ResNet).parameters, func(r ResNet) Named { return Named{Plain: r.Generator} }),
		family("r3gan", "residual blocks without normalisation", (*R3GAN).parameters, func(r R3GAN) Named { return Named{Plain: r.Generator} }),
		family("style", "a mapping network and styles", (*Style).parameters, func(s Style) Named { return Named{Plain: s.Generator} }),
		family("growing", "all resolutions, for the method growing", (*Growing).parameters, func(n Growing) Named { return Named{Plain: n.Generator} }),
		family("conditional-resnet", "residual blocks, told the class by batch norm", (*ResNet).parameters, func(r ResNet) Named { return Named{Classed: r.ConditionalGenerator} }),
		family("toy", "dense layers, for points in the plane", (*Toy).parameters, func(t Toy) Named { return Named{Plain: t.Generator} }),
		part.Of("pacgan-toy", "toy as in PacGAN's experiments", PacGANToy(), (*Toy).parameters, func(t Toy) Named { return Named{Plain: t.Generator} }, nil),
		family("sequence", "recurrent, for time series", (*Sequence).parameters, func(s Sequence) Named { return Named{Plain: s.Generator} }),
		family("text", "an LSTM that draws characters, for texts", (*Text).parameters, func(t Text) Named { return Named{Plain: t.Generator} }),
	}}
}

// Critics are the critics by name.
func Critics() part.Kinds[Named] {
	return part.Kinds[Named]{Sort: "critic", All: []part.Kind[Named]{
		function("conv", "the article's: convolutions and max-pooling, 28×28", ConvCritic),
		function("leaky-conv", "the same with LeakyReLU", LeakyConvCritic),
		function("mlp", "dense layers that see every pixel", MLPCritic),
		family("conditional-mlp", "mlp, told the class", (*ConditionalMLP).parameters, func(c ConditionalMLP) Named { return Named{Classed: c.Critic} }),
		family("dcgan", "convolutions, halving the image", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Plain: d.Critic} }),
		family("conditional-dcgan", "dcgan, told the class by a channel", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Classed: d.ConditionalCritic} }),
		family("projection-dcgan", "dcgan, told the class by an inner product", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Classed: d.ProjectionCritic} }),
		family("auxiliary-dcgan", "dcgan that also names the class", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Plain: d.AuxiliaryCritic} }),
		function("feature-mlp", "mlp, with its features behind the logit", MLPFeatureCritic),
		family("feature-dcgan", "dcgan, with its features behind the logit", (*DCGAN).parameters, func(d DCGAN) Named { return Named{Plain: d.FeatureCritic} }),
		family("r3gan", "residual blocks without normalisation", (*R3GAN).parameters, func(r R3GAN) Named { return Named{Plain: r.Critic} }),
		family("style", "residual blocks that see how much the batch varies", (*Style).parameters, func(s Style) Named { return Named{Plain: s.Critic} }),
		family("growing", "all resolutions, for the method growing", (*Growing).parameters, func(n Growing) Named { return Named{Plain: n.Critic} }),
		family("resnet", "residual blocks with spectral norm", (*ResNet).parameters, func(r ResNet) Named { return Named{Plain: r.Critic} }),
		family("conditional-resnet", "resnet, told the class by an inner product", (*ResNet).parameters, func(r ResNet) Named { return Named{Classed: r.ConditionalCritic} }),
		family("toy", "dense layers, for points in the plane", (*Toy).parameters, func(t Toy) Named { return Named{Plain: t.Critic} }),
		part.Of("pacgan-toy", "toy as in PacGAN's experiments", PacGANToy(), (*Toy).parameters, func(t Toy) Named { return Named{Plain: t.Critic} }, nil),
		family("sequence", "recurrent, for time series", (*Sequence).parameters, func(s Sequence) Named { return Named{Plain: s.Critic} }),
		family("sequence-conv", "convolutions over time", (*Sequence).parameters, func(s Sequence) Named { return Named{Plain: s.ConvCritic} }),
		family("text", "convolutions over time, for texts", (*Text).parameters, func(t Text) Named { return Named{Plain: t.Critic} }),
	}}
}

// function is a network without parameters.
func function(name, about string, f func(scope *model.Scope, x *Node) *Node) part.Kind[Named] {
	return part.Of(name, about, Named{Plain: f}, func(*Named) []part.Parameter { return nil }, func(f Named) Named { return f }, nil)
}

// family is a network of a type that has its parameters. The usual ones are those of its zero value.
func family[S any](name, about string, parameters func(*S) []part.Parameter, of func(S) Named) part.Kind[Named] {
	var usual S
	return part.Of(name, about, usual, parameters, of, nil)
}

func (c *ConditionalMLP) parameters() []part.Parameter {
	return []part.Parameter{part.Whole("classes", "0: 10", &c.Classes, 1, mostClass)}
}

func (d *DCGAN) parameters() []part.Parameter {
	return []part.Parameter{
		part.Whole("width", "channels beside the images; 0: 64", &d.Width, 1, mostWidth),
		part.Whole("size", "height and width of the images; 0: 28", &d.Size, 8, mostSide),
		part.Whole("channels", "of the images; 0: 1", &d.Channels, 1, mostWidth),
		part.Word("norm", "of the critic's layers", &d.Norm, NormNone, NormBatch, NormLayer, NormInstance, NormSpectral),
		part.Whole("classes", "of the conditional networks; 0: 10", &d.Classes, 1, mostClass),
		part.Truth("pixel-norm", "of the generator, in the place of batch norm", &d.PixelNorm),
		part.Whole("diversity", "samples in a group whose spread the critic sees; 0: none", &d.Diversity, 0, math.MaxInt32),
	}
}

func (r *ResNet) parameters() []part.Parameter {
	return []part.Parameter{
		part.Whole("width", "channels of every block; 0: 64", &r.Width, 1, mostWidth),
		part.Whole("size", "height and width of the images; 0: 28", &r.Size, 8, mostSide),
		part.Whole("channels", "of the images; 0: 1", &r.Channels, 1, mostWidth),
		part.Whole("classes", "of the conditional networks; 0: 10", &r.Classes, 1, mostClass),
		part.Truth("attention", "at half the image's size", &r.Attention),
	}
}

func (r *R3GAN) parameters() []part.Parameter { return sized(&r.Width, &r.Size, &r.Channels) }

func (n *Growing) parameters() []part.Parameter { return sized(&n.Width, &n.Size, &n.Channels) }

func (s *Style) parameters() []part.Parameter {
	return append(sized(&s.Width, &s.Size, &s.Channels), part.Whole("mapping", "layers of the mapping network; 0: 4", &s.Mapping, 1, mostLayers),
		part.Whole("style", "components of w; 0: 64", &s.Style, 1, mostWidth))
}

// sized are the parameters of networks for square images, each with a default of its own.
func sized(width, size, channels *int) []part.Parameter {
	return []part.Parameter{
		part.Whole("width", "channels; 0: the network's own", width, 1, mostWidth),
		part.Whole("size", "height and width of the images; 0: 28", size, 8, mostSide),
		part.Whole("channels", "of the images; 0: 1", channels, 1, mostWidth),
	}
}

func (t *Toy) parameters() []part.Parameter {
	return []part.Parameter{
		part.Whole("width", "of the generator's hidden layers; 0: 128", &t.Width, 1, mostWidth),
		part.Whole("layers", "hidden ones of the generator; 0: 2", &t.Layers, 1, mostLayers),
		part.Truth("norm", "batch norm in the generator", &t.Norm),
		part.Whole("critic-width", "0: width", &t.CriticWidth, 1, mostWidth),
		part.Whole("critic-layers", "0: layers", &t.CriticLayers, 1, mostLayers),
		part.Whole("pieces", "of a unit of the critic, as in maxout; 0: ReLU", &t.Pieces, 0, mostWidth),
	}
}

func (s *Sequence) parameters() []part.Parameter {
	return []part.Parameter{
		part.Whole("steps", "of the generator's series, a multiple of 4", &s.Steps, frame, mostSide),
		part.Whole("hidden", "units of a state, features of a convolution; 0: 64", &s.Hidden, 1, mostWidth),
		part.Whole("channels", "of the generator's series; 0: 1", &s.Channels, 1, mostWidth),
		part.Truth("gated", "GRU in the place of LSTM", &s.Gated),
	}
}

func (t *Text) parameters() []part.Parameter {
	return []part.Parameter{
		part.Whole("steps", "characters of the generator's texts", &t.Steps, 1, mostSide),
		part.Whole("vocabulary", "characters that the generator knows", &t.Vocabulary, 2, mostWidth),
		part.Whole("hidden", "units of the generator's state; 0: 128", &t.Hidden, 1, mostWidth),
		part.Whole("width", "the critic's features of every place; 0: 64", &t.Width, 1, mostWidth),
		part.Number("certainty", "factor of the logits that characters are drawn from; 0: 3", &t.Certainty, 0, mostCertainty),
	}
}
