package latent

import (
	"context"
	"errors"

	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// Denoise projects noisy images and returns what the generator makes of them. Noise is not among what the generator can
// make, so it stays behind; so does everything else that it cannot make: a generator that never learnt a stroke cannot
// give it back. It is Project with a stronger prior (1e-2 by default).
func Denoise(ctx context.Context, generator *train.Generator, noisy sample.Images, options ProjectOptions) (Projection, error) {
	if options.Prior == 0 {
		options.Prior = 1e-2
	}
	return Project(ctx, generator, noisy, options)
}

// Inpaint fills in the unknown pixels of images: it projects by the known ones, and puts those back into the result
// unchanged, as by options.Mask, which is required: x ↦ m·x + (1-m)·G(z). There is no blending along the border.
//
// Yeh et al., "Semantic image inpainting with deep generative models", 2016, arXiv:1607.07539.
func Inpaint(ctx context.Context, generator *train.Generator, images sample.Images, options ProjectOptions) (Projection, error) {
	switch {
	case options.Mask == nil:
		return Projection{}, errors.New("inpainting needs a mask: 1 for the known pixels, 0 for those to fill in")
	case options.Shrink > 1:
		return Projection{}, errors.New("inpainting keeps the size of the images: leave Shrink out")
	}
	images = images.Seen()
	found, err := Project(ctx, generator, images, options)
	if err != nil {
		return found, err
	}
	for i, drawn := range found.Images.Values {
		if mask := options.Mask[i/images.Channels%len(options.Mask)]; mask > 0 {
			found.Images.Values[i] = mask*images.Values[i] + (1-mask)*drawn
		}
	}
	return found, nil
}

// SuperResolve returns images factor times as high and wide whose averages over windows of factor×factor pixels are
// nearest to small. Many images have the same average: what comes back is one that the generator finds likely, not the
// one that was.
//
// Menon et al., "PULSE: Self-supervised photo upsampling via latent space exploration of generative models", 2020,
// arXiv:2003.03808.
func SuperResolve(ctx context.Context, generator *train.Generator, small sample.Images, factor int, options ProjectOptions) (Projection, error) {
	if factor < 2 {
		return Projection{}, errors.New("super-resolution needs a factor of 2 or more")
	}
	options.Shrink = factor
	return Project(ctx, generator, small, options)
}
