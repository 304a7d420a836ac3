package method

import (
	"math"

	"gantry.local/gan/net"
	"gantry.local/gan/part"
)

// Augmentations are the augmentations by name.
func Augmentations() part.Kinds[Augmentation] {
	return part.Kinds[Augmentation]{Sort: "augmentation", All: []part.Kind[Augmentation]{
		part.Value[Augmentation]("diffaugment", "random changes that gradients pass; 0 leaves one out", net.DiffAugment{}, diffAugment),
		part.Value[Augmentation]("paper-augment", "diffaugment with the constants of its paper", net.PaperAugment(), diffAugment),
		part.Value[Augmentation]("diffusion", "some steps of a diffusion, as many as the strength says", net.Diffusion{}, func(d *net.Diffusion) []part.Parameter {
			return []part.Parameter{part.Whole("least-steps", "at strength 0; 0: 5", &d.LeastSteps, 0, net.MostDiffusion),
				part.Whole("most-steps", "at strength 1; 0: 500", &d.MostSteps, 0, net.MostDiffusion),
				part.Number("sigma", "of the noise; 0: 0.05", &d.Sigma, 0, math.MaxFloat32)}
		}),
	}}
}

func diffAugment(a *net.DiffAugment) []part.Parameter {
	return []part.Parameter{
		part.Number("brightness", "", &a.Brightness, 0, math.MaxFloat32),
		part.Number("saturation", "", &a.Saturation, 0, math.MaxFloat32),
		part.Number("contrast", "", &a.Contrast, 0, math.MaxFloat32),
		part.Number("translation", "part of the side", &a.Translation, 0, math.Nextafter(1, 0)),
		part.Number("cutout", "part of the side", &a.Cutout, 0, 1),
		part.Truth("flip", "left and right", &a.Flip),
	}
}

// Adaptations are the adaptations of an augmentation's strength by name.
func Adaptations() part.Kinds[Adaptation] {
	return part.Kinds[Adaptation]{Sort: "adaptation", All: []part.Kind[Adaptation]{
		part.Value[Adaptation]("adaptive", "by how sure the critic is of real images", net.Adaptive{}, func(a *net.Adaptive) []part.Parameter {
			return []part.Parameter{part.Number("target", "of the mean sign; 0: 0.6", &a.Target, math.Nextafter(-1, 0), math.Nextafter(1, 0)),
				part.Number("speed", "images from none to all; 0: 500000", &a.Speed, 0, math.MaxFloat32)}
		}),
	}}
}
