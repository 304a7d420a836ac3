package study

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

const (
	streamedPictures = 200_000
	streamedSide     = 32
	streamRounds     = 5
)

// streams trains one recipe on a folder of drawn pictures, as a stream and from the device, by turns.
func streams(ctx context.Context, o Options) (*Table, error) {
	o.bounded(2 * time.Minute)
	n := orElse(o.Samples, streamedPictures)
	dir, err := os.MkdirTemp("", "gantry-pictures-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(o.Log, "writing %d pictures\n", n)
	if err := writePictures(ctx, dir, n); err != nil {
		return nil, err
	}
	table := &Table{Title: fmt.Sprintf("Training on %d pictures of %d×%d that are read meanwhile", n, streamedSide, streamedSide),
		Columns: []string{"the pictures are", "steps/s", "on the device", "of its speed", "processor time of a step", "on the device", "of its cost"}}
	err = o.withBackend(func(backend compute.Backend) error {
		folder := data.FolderOptions{Size: streamedSide, Stream: true}
		streaming := data.Folder(dir, folder)
		epoch, err := wholeEpoch(ctx, backend, streaming)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.Log, "an epoch with the stream alone: %s\n", epoch)

		stream, err := streaming.Open() // anew: nothing of it is decoded
		if err != nil {
			return err
		}
		defer stream.Forget()
		begin := time.Now()
		read, err := trainerOn(ctx, backend, "faces", streaming)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.Log, "the stream trains after %s\n", time.Since(begin).Round(100*time.Millisecond))
		folder.Stream = false
		resident, err := trainerOn(ctx, backend, "faces", loaded(data.Folder(dir, folder)))
		if err != nil {
			return err
		}
		for _, row := range []string{"read and decoded, in the first epoch", "read as they were decoded before"} {
			if row != "read and decoded, in the first epoch" {
				if err := readAll(ctx, stream); err != nil {
					return err
				}
			}
			var speeds, costs sideBySide
			for range streamRounds {
				ours, err := pace(ctx, read, o)
				if err != nil {
					return err
				}
				theirs, err := pace(ctx, resident, o)
				if err != nil {
					return err
				}
				speeds.add(ours.speed, theirs.speed)
				costs.add(ours.cost, theirs.cost)
				fmt.Fprintf(o.Log, "%s: %.2f steps/s and %.0f ms of processors, on the device %.2f and %.0f\n", row, ours.speed, ours.cost, theirs.speed, theirs.cost)
			}
			table.Rows = append(table.Rows, slices.Concat([]string{row}, speeds.cells("%.2f"), costs.cells("%.0f ms")))
		}
		table.Notes = []string{fmt.Sprintf("Recipe faces, medians of %d rounds by turns. The pictures take %.0f MB decoded. Before, recipe mlp on "+
			"the stream alone, each picture read and decoded once: %s.", streamRounds, float64(n*streamedSide*streamedSide*3)/1e6, epoch)}
		return nil
	})
	return table, err
}

// footprint is how much memory this process has over an epoch.
type footprint struct{ steps, first, half, last, most int } // bytes behind the first steps, half of them and all of them, and at most

// String says it in a line.
func (f footprint) String() string {
	mb := func(bytes int) float64 { return float64(bytes) / 1e6 }
	return fmt.Sprintf("this process had %.0f MB in memory after its first steps, %.0f MB after half and %.0f MB after all of %d, and %.0f MB at most",
		mb(f.first), mb(f.half), mb(f.last), f.steps, mb(f.most))
}

// wholeEpoch trains the cheapest recipe of pictures on every sample of a stream once, of which nothing is decoded, and forgets what
// was kept of it: what the memory of a long run does, which a few steps of a dear recipe would not show.
func wholeEpoch(ctx context.Context, backend compute.Backend, streaming data.Set) (f footprint, err error) {
	stream, err := streaming.Open()
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stream.Forget()) }()
	trainer, err := trainerOn(ctx, backend, "mlp", streaming)
	if err != nil {
		return f, err
	}
	f.first = memoryInUse()
	f.most, f.steps = f.first, max(trainer.StepsPerEpoch()-trainer.Step(), 1)
	done := 0
	for _, err := range trainer.Train(ctx, f.steps) {
		if err != nil {
			return f, err
		}
		f.last = memoryInUse()
		f.most = max(f.most, f.last)
		if done++; done <= (f.steps+1)/2 {
			f.half = f.last
		}
	}
	return f, nil
}

// loaded is a set that is loaded, however large it is.
func loaded(set data.Set) data.Set { return data.Set{Name: set.Name, Load: set.Load} }

// trainerOn makes a trainer of a recipe on a set, and its first steps.
func trainerOn(ctx context.Context, backend compute.Backend, name string, set data.Set) (*train.Trainer, error) {
	of, err := recipe.On(name, set)
	if err != nil {
		return nil, err
	}
	trainer, err := train.New(backend, of)
	if err != nil {
		return nil, err
	}
	const warm = 5 // past the compilation of both variants of the step
	return trainer, steps(ctx, trainer, warm)
}

// steps makes n steps.
func steps(ctx context.Context, trainer *train.Trainer, n int) error {
	for _, err := range trainer.Train(ctx, n) {
		if err != nil {
			return err
		}
	}
	return nil
}

// tempo is how fast a trainer is.
type tempo struct {
	speed float64 // steps in a second
	cost  float64 // milliseconds that all processors compute for a step, which other work on the machine hardly changes
}

// pace measures a trainer over the steps or the share of the time that a round has.
func pace(ctx context.Context, trainer *train.Trainer, o Options) (t tempo, err error) {
	limit, begin, computed, done := o.Limit/(4*streamRounds), time.Now(), processorTime(), 0
	for done == 0 || limit == 0 && done < o.Steps || limit > 0 && time.Since(begin) < limit {
		if err := steps(ctx, trainer, 1); err != nil {
			return t, err
		}
		done++
	}
	return tempo{float64(done) / time.Since(begin).Seconds(), float64(processorTime()-computed) / float64(time.Millisecond) / float64(done)}, nil
}

// sideBySide is what was measured by turns, and the ratios.
type sideBySide struct{ ours, theirs, ratios []float64 }

func (s *sideBySide) add(ours, theirs float64) {
	s.ours, s.theirs, s.ratios = append(s.ours, ours), append(s.theirs, theirs), append(s.ratios, ours/theirs)
}

// cells are the medians, and the range of the ratios.
func (s *sideBySide) cells(format string) []string {
	return []string{fmt.Sprintf(format, median(s.ours)), fmt.Sprintf(format, median(s.theirs)),
		fmt.Sprintf("%.2f (%.2f to %.2f)", median(s.ratios), slices.Min(s.ratios), slices.Max(s.ratios))}
}

// readAll reads a stream once, so that all of it is kept as it was decoded.
func readAll(ctx context.Context, stream *data.Stream) error {
	const part = 1000
	head := stream.Head()
	pixels := make([]byte, part*head.Size())
	for first := 0; first < head.N && ctx.Err() == nil; first += part {
		places := make([]int32, min(part, head.N-first))
		for i := range places {
			places[i] = int32(first + i)
		}
		if err := stream.Read(places, pixels[:len(places)*head.Size()]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// writePictures writes n JPEG pictures, a thousand to a folder within dir, so that none has more than a file system likes: drawn
// faces in other colours.
func writePictures(ctx context.Context, dir string, n int) error {
	const drawn = 2000
	faces, err := data.Faces(data.FacesOptions{N: drawn, Size: streamedSide}).Load()
	if err != nil {
		return err
	}
	for i := range n {
		if i%1000 == 0 {
			if err := errors.Join(ctx.Err(), os.Mkdir(filepath.Join(dir, fmt.Sprintf("%04d", i/1000)), 0o700)); err != nil {
				return err
			}
		}
		var content bytes.Buffer
		err := jpeg.Encode(&content, recoloured(faces, i%drawn, i/drawn), nil)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", i/1000), fmt.Sprintf("%06d.jpg", i)), content.Bytes(), 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recoloured is a picture of a set with its colours turned and shifted by a number.
func recoloured(images *sample.Images, i, by int) image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, images.Width, images.Height))
	pixels := images.Pixels[i*images.Size():][:images.Size()]
	for at := range images.Width * images.Height {
		for c := range 3 {
			picture.Pix[4*at+c] = pixels[3*at+(c+by)%3]/2 + byte(by)
		}
		picture.Pix[4*at+3] = 255
	}
	return picture
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
