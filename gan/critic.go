package gan

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/method"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// Logits returns what the critic of t's experiment says of images in inference mode, one logit each; labels are their classes, nil
// where the critic is not conditional. A critic that judges packs sees each image beside the ones that follow it, so the number
// of images must be a multiple of Pack, and there is a logit for each pack.
func Logits(t *train.Trainer, images sample.Images, labels []int32) ([]float32, error) {
	return ask(t, "logits", images, labels, func(_, logits *Node) *Node { return logits })
}

// InputGradients returns ∇ₓD, the gradient of each image's logit (or its pack's) by the image, [n, h, w, c] as the images:
// the direction in which the critic asks the generator to change them. images and labels are as for Logits.
func InputGradients(t *train.Trainer, images sample.Images, labels []int32) ([]float32, error) {
	return ask(t, "slopes", images, labels, func(x, logits *Node) *Node { return Gradient(ReduceAllSum(logits), x)[0] })
}

// ask shows the critic images and returns what of makes of them and their logits.
func ask(t *train.Trainer, name string, images sample.Images, labels []int32, of func(x, logits *Node) *Node) ([]float32, error) {
	exp, ok := Of(t)
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is no gan.Experiment: look at its networks with its trainer's Look", t.Game().Name)
	case images.N == 0 || images.N%exp.View.Pack != 0:
		return nil, fmt.Errorf("the critic judges %d images at once; %d images were given", exp.View.Pack, images.N)
	case exp.View.ClassCritic != nil && len(labels) != images.N:
		return nil, fmt.Errorf("%d images have %d labels", images.N, len(labels))
	case exp.View.ClassCritic == nil:
		labels = make([]int32, images.N) // not looked at
	}
	pair := exp.pair()
	out, err := t.Look("critic's "+name, func(p *method.Play, inputs []*Node) *Node {
		critic := func(x *Node) *Node { return p.Net(method.CriticName, x, inputs[1]) }
		return of(inputs[0], pair.Judge(critic, method.Packed(inputs[0], pair.Pack), inputs[1]).Logits)
	}, images, labels)
	if err != nil {
		return nil, err
	}
	return tensors.CopyFlatData[float32](out)
}
