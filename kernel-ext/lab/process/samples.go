package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"time"

	"gantry.local/gan/export"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
)

const (
	mostSamples = 1_000_000 // in an answer, whose size is bounded too
	sampleChunk = 1000      // between two looks at whether they are still wanted
)

// sample draws samples from a seed, or from latents.
func (r *Keeper) sample(ctx context.Context, a SampleArgs) (sample.Images, error) {
	return made(ctx, r, func() (sample.Images, error) { return r.drawn(ctx, a) })
}

// drawn draws samples, a part at a time, so that a process that must end need not draw them all.
func (r *Keeper) drawn(ctx context.Context, a SampleArgs) (all sample.Images, err error) {
	game, data := r.trainer.Game(), r.status.Data
	latent := game.Sampler.Latent
	if latent == 0 {
		return r.trainer.Sample(1, 0) // which says that it has none
	}
	n := a.N
	if a.Z != nil {
		n = len(a.Z) / latent
	}
	most := min(mostSamples, resident.LargestBytes/(4*max(1, data.Height*data.Width*data.Depth)))
	switch {
	case a.Z == nil && n <= 0:
		return all, fmt.Errorf("cannot draw %d samples: ask for at least 1", n)
	case n > most:
		return all, fmt.Errorf("cannot draw %d samples at once: ask for at most %d", n, most)
	case a.Z != nil && len(a.Z) != n*latent || a.Classes != nil && len(a.Classes) != n || n == 0:
		return r.trainer.Generate(a.Z, a.Classes) // which says what is wrong
	}
	z := a.Z
	if z == nil {
		z = train.Latents(n, latent, a.Seed)
	}
	classes := a.Classes
	if classes == nil && game.Sampler.Classed {
		for i := range n {
			classes = append(classes, int32(i%game.Classes))
		}
	}
	if err := r.beforeSampling(); err != nil {
		return all, err
	}
	for first := 0; first < n; first += sampleChunk {
		end := min(first+sampleChunk, n)
		var of []int32
		if classes != nil {
			of = classes[first:end]
		}
		if err := errors.Join(ctx.Err(), r.ending()); err != nil {
			return all, err
		}
		part, err := r.trainer.Generate(z[first*latent:end*latent], of)
		if err != nil {
			return all, err
		}
		part.Values = append(all.Values, part.Values...)
		part.N = end
		all = part
	}
	return all, nil
}

// rendered draws samples as the content of a file, see view.Rendered.
func (r *Keeper) rendered(ctx context.Context, a SampleArgs) (of view.Shape, content []byte, err error) {
	images, err := r.sample(ctx, a)
	of = view.Shape{N: images.N, H: images.Height, W: images.Width, C: images.Channels}
	if err != nil || a.As == "" {
		return of, view.Bytes(images.Values), err
	}
	classes := r.present().Classes
	if a.Classes != nil {
		classes = 0
	}
	content, err = view.Rendered(images, r.data, classes, a.As)
	return of, content, err
}

// picture is the figure's samples as a page, a PNG.
func (r *Keeper) picture(ctx context.Context) ([]byte, error) {
	return made(ctx, r, func() ([]byte, error) {
		if err := r.beforeSampling(); err != nil {
			return nil, err
		}
		img, err := r.view.Picture()
		if err != nil {
			return nil, err
		}
		var encoded bytes.Buffer
		err = png.Encode(&encoded, img)
		return encoded.Bytes(), err
	})
}

// beforeSampling saves before the sampler is compiled.
func (r *Keeper) beforeSampling() error {
	if r.sampled {
		return nil
	}
	r.sampled = true
	return r.saveDirty()
}

// export is the generator as an ONNX model.
func (r *Keeper) export(ctx context.Context, batch int) ([]byte, error) {
	generator, err := made(ctx, r, func() (*train.Generator, error) { return r.trainer.Generator() })
	if err != nil {
		return nil, err
	}
	var model bytes.Buffer
	err = export.ONNX(&model, generator, batch)
	return model.Bytes(), err
}

// look draws the figure's samples, unless it has those of this step, and looks for collapse.
func (r *Keeper) look() (*shownLook, error) {
	r.lookedAt = time.Now()
	if r.shown != nil && r.shown.calls == r.trainer.Calls() {
		return r.shown, nil
	}
	if err := r.beforeSampling(); err != nil {
		return nil, err
	}
	var frame show.Frame
	if err := r.view.Dress(&frame, r.last, true); err != nil {
		return nil, err
	}
	s := &shownLook{Look: view.Look{Step: r.trainer.Step(), Columns: frame.Columns, Light: frame.Light, Note: frame.Note}, calls: r.trainer.Calls()}
	switch {
	case frame.Samples != nil:
		m := frame.Samples
		s.Images, s.bytes = view.Shape{N: m.N, H: m.Height, W: m.Width, C: m.Channels}, view.Bytes(m.Values)
	case frame.Picture != nil:
		var encoded bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, frame.Picture); err != nil {
			return nil, err
		}
		s.Picture, s.bytes = true, encoded.Bytes()
	}
	r.shown = s
	return s, nil
}

// lookBetween looks between two steps.
func (r *Keeper) lookBetween(ctx context.Context) (view.Look, []byte, error) {
	l, err := made(ctx, r, func() (l shownLook, err error) {
		begin := time.Now()
		last, err := r.look()
		if err == nil {
			l = *last
			l.Stood = time.Since(begin)
		}
		return l, err
	})
	return l.Look, l.bytes, err
}
