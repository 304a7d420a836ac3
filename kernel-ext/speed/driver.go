package speed

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/method"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// Answer is this project's side of the conversation, see question: it answers until in ends.
func Answer(ctx context.Context, backendName string, in io.Reader, out io.Writer) error {
	d := &driver{ctx: ctx, backendName: backendName, prepared: map[string]*timer{}}
	defer d.close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q question
		err := json.Unmarshal(lines.Bytes(), &q)
		var a answer
		if err == nil {
			a, err = d.answer(q)
		}
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := json.NewEncoder(out).Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

type driver struct {
	ctx         context.Context
	backendName string
	backend     compute.Backend
	prepared    map[string]*timer
}

func (d *driver) close() {
	if d.backend != nil {
		d.backend.Finalize()
	}
}

func (d *driver) answer(q question) (a answer, err error) {
	if d.backend == nil && q.Do != "forget" {
		if d.backend, err = device.Open(d.backendName); err != nil {
			return a, err
		}
	}
	switch q.Do {
	case "hello":
		return answer{Versions: map[string]string{"backend": describe(d.backend)}}, nil
	case "measure":
		t, found := d.prepared[nameOf(q)]
		if !found {
			return a, fmt.Errorf("%q was not prepared", nameOf(q))
		}
		return t.measure(q.Seconds)
	case "forget": // a new backend inherits nothing
		clear(d.prepared)
		d.close()
		d.backend = nil
		debug.FreeOSMemory()
		return a, nil
	}
	w, err := Named(nameOf(q))
	if err != nil || w.exp == nil {
		return a, errors.Join(err, fmt.Errorf("the question %q has no workload", q.Do))
	}
	switch q.Do {
	case "prepare":
		run, unit, err := w.prepare(d.ctx, d.backend)
		if err != nil {
			return a, err
		}
		d.prepared[w.Name], err = newTimer(run, unit)
		return a, err
	case "run":
		t := d.prepared[w.Name]
		if t == nil {
			run, unit, err := w.prepare(d.ctx, d.backend)
			if err != nil {
				return a, err
			}
			t = &timer{run: run, unit: unit}
			d.prepared[w.Name] = t
		}
		err := t.run(q.Steps)
		return answer{Peak: peakMemory()}, err
	case "check":
		return w.check(d.ctx, d.backend, q.Folder)
	}
	return a, fmt.Errorf("unknown question %q", q.Do)
}

// describe names a backend without the folder that its plugin lies in.
func describe(backend compute.Backend) string {
	text := backend.Description()
	if _, version, found := strings.Cut(text, ") v"); found {
		return "XLA, PJRT API " + strings.Fields(version)[0]
	}
	return text
}

func nameOf(q question) string {
	if q.Work == nil {
		return ""
	}
	return q.Work.Name
}

// prepare returns what makes n steps, or draws n images, of which it makes a multiple of unit.
func (w Workload) prepare(ctx context.Context, backend compute.Backend) (run func(n int) error, unit int, err error) {
	exp := w.experiment()
	trainer, err := gan.NewTrainer(backend, exp)
	if err != nil {
		return nil, 0, err
	}
	if w.draw > 0 {
		return func(n int) error {
			_, err := trainer.Sample(n, 1)
			return err
		}, w.draw, nil
	}
	return func(n int) error {
		for _, err := range trainer.Train(ctx, n) {
			if err != nil {
				return err
			}
		}
		return nil
	}, 1, nil
}

// timer runs a workload for about so many seconds, without looking at the clock meanwhile, as peers/driver.py does.
type timer struct {
	run  func(n int) error
	unit int
	rate float64
}

func newTimer(run func(n int) error, unit int) (*timer, error) {
	t := &timer{run: run, unit: unit}
	if err := run(unit); err != nil { // compiles
		return nil, err
	}
	begin := time.Now()
	if err := run(unit); err != nil {
		return nil, err
	}
	t.rate = float64(unit) / time.Since(begin).Seconds()
	_, err := t.measure(0.3)
	return t, err
}

func (t *timer) measure(seconds float64) (answer, error) {
	count := max(1, int(math.Round(t.rate*seconds/float64(t.unit)))) * t.unit
	begin := time.Now()
	if err := t.run(count); err != nil {
		return answer{}, err
	}
	spent := time.Since(begin).Seconds()
	t.rate = float64(count) / spent
	return answer{Count: count, Seconds: spent}, nil
}

// What a check leaves in its folder for peers, beside the weights: the latents and the images of one batch.
const (
	latentsFile = "latents"
	batchFile   = "batch"
)

// checkData is what a check trains on: the first images of the set, one batch. Where the critic judges several images at once or
// looks at several batches a step, all are the first image, since the trainer shuffles.
func checkData(images *sample.Images, exp gan.Experiment) *sample.Images {
	_, criticSteps := order(exp.Method)
	n, same := exp.BatchSize*criticSteps, exp.View.Pack*criticSteps > 1
	size := images.Height * images.Width * images.Channels
	chosen := &sample.Images{N: n, Height: images.Height, Width: images.Width, Channels: images.Channels}
	for i := range n {
		if same {
			i = 0
		}
		if images.Values != nil {
			chosen.Values = append(chosen.Values, images.Values[i*size:(i+1)*size]...)
		} else {
			chosen.Pixels = append(chosen.Pixels, images.Pixels[i*size:(i+1)*size]...)
		}
	}
	return chosen
}

// check makes the first step of a workload from fixed latents on a fixed batch, and returns its losses. What peers need to
// make the same step it leaves in the folder.
func (w Workload) check(ctx context.Context, backend compute.Backend, folder string) (a answer, err error) {
	exp := w.experiment()
	images, err := exp.Data.Load()
	if err != nil {
		return a, err
	}
	chosen := checkData(images, exp)
	exp.Data = data.Of("check", chosen)
	z := train.Latents(exp.BatchSize, exp.Latent, 3)
	generator := exp.Generator
	exp.Generator = func(scope *model.Scope, x *graph.Node) *graph.Node {
		if x.Shape().Dim(0) != exp.BatchSize {
			return generator(scope, x)
		}
		return generator(scope, graph.Reshape(graph.Const(x.Graph(), z), x.Shape().Dimensions...))
	}
	trainer, err := gan.NewTrainer(backend, exp)
	if err != nil {
		return a, err
	}
	if err := trainer.SaveWeights(folder); err != nil {
		return a, err
	}
	size := exp.BatchSize * images.Height * images.Width * images.Channels
	batch := any(chosen.Pixels[:min(size, len(chosen.Pixels))])
	if chosen.Values != nil {
		batch = chosen.Values[:size]
	}
	for name, content := range map[string]any{latentsFile: z, batchFile: batch} {
		if err := writeNumbers(filepath.Join(folder, name), content); err != nil {
			return a, err
		}
	}
	for p, err := range trainer.Train(ctx, 1) {
		if err != nil {
			return a, err
		}
		a.Losses = []float64{p.Value(method.CriticLoss), p.Value(method.GeneratorLoss), p.Value(method.PenaltyTerm)}
	}
	return a, nil
}

// writeNumbers writes bytes or float32s, little endian.
func writeNumbers(path string, numbers any) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	return errors.Join(binary.Write(buffered, binary.LittleEndian, numbers), buffered.Flush(), file.Close())
}

// peakMemory is the most memory this process ever held, in bytes; 0 where that cannot be seen.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
