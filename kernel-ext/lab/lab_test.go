package lab_test

import (
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)

func small(t *testing.T) *train.Trainer {
	t.Helper()
	const images, side = 32, 4
	pixels := make([]byte, images*side*side)
	for i := range pixels {
		pixels[i] = byte(i * 37)
	}
	trainer, err := gan.NewTrainer(gantest.XLA(t), gan.Experiment{
		Name: "small", Latent: 3, BatchSize: 8,
		Data: data.Of("stripes", &sample.Images{Pixels: pixels, N: images, Height: side, Width: side, Channels: 1}),
		Generator: func(scope *model.Scope, z *Node) *Node {
			return Reshape(Tanh(net.Dense(scope, z, side*side)), -1, side, side, 1)
		},
		Critic: func(scope *model.Scope, x *Node) *Node { return net.Dense(scope, net.Flatten(x), 1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

func TestSteps(t *testing.T) {
	t.Setenv(lab.EnvFast, "")
	if got := lab.Steps(900, 3); got != 900 {
		t.Errorf("Steps(900, 3) = %d, want the full 900", got)
	}
	t.Setenv(lab.EnvFast, "1")
	if got := lab.Steps(900, 3); got != 3 {
		t.Errorf("with %s=1 Steps(900, 3) = %d, want 3", lab.EnvFast, got)
	}
}

func TestWatch(t *testing.T) {
	trainer, dir := small(t), t.TempDir()
	if err := lab.Watch(trainer, 0, lab.Options{}); err == nil || !strings.Contains(err.Error(), "cannot train for 0 steps") {
		t.Errorf("0 steps: %v", err)
	}
	var seen []int
	each := func(p train.Progress) { seen = append(seen, p.Step) }
	for range 2 { // a cell that is run again trains on
		if err := lab.Watch(trainer, 15, lab.Options{Dir: dir, Samples: 9, Each: each}); err != nil {
			t.Fatal(err)
		}
	}
	if trainer.Step() != 30 || len(seen) != 30 || seen[0] != 1 || seen[29] != 30 {
		t.Errorf("trained to step %d and saw the steps %v, want 1 to 30", trainer.Step(), seen)
	}
	for _, name := range []string{"samples-000001.png", "samples-000015.png", "samples-000030.png", "losses.png"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := png.Decode(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
}

// TestWatchEndsEarly ends training by the time limit and by an interrupt of the cell.
func TestWatchEndsEarly(t *testing.T) {
	const forever = 100_000_000
	trainer := small(t)
	if err := lab.Watch(trainer, forever, lab.Options{Limit: 200 * time.Millisecond}); err != nil || trainer.Step() == 0 {
		t.Errorf("the time limit ended it at step %d with %v", trainer.Step(), err)
	}
	at := trainer.Step() + 20
	interrupt := func(p train.Progress) {
		if p.Step == at {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
		}
	}
	if err := lab.Watch(trainer, forever, lab.Options{Each: interrupt}); err != nil || trainer.Step() < at {
		t.Errorf("the interrupt at step %d ended it at step %d with %v", at, trainer.Step(), err)
	}
	if err := lab.Watch(trainer, 1, lab.Options{Limit: time.Nanosecond}); err != nil {
		t.Errorf("a limit that is over before the first step: %v", err)
	}
}

// TestWatchKeepsTheLight ends the training of a collapsed generator by the time limit and by an interrupt: why it ended is
// said beside the light, not in its place.
func TestWatchKeepsTheLight(t *testing.T) {
	const forever = 100_000_000
	trainer := newTrainer(t, experiment(set(300, 4, 4, 1), 1e-4))
	if err := lab.Watch(trainer, 250, lab.Options{}); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	interrupt := func(train.Progress) {
		once.Do(func() {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Error(err)
			}
		})
	}
	for _, test := range []struct {
		end  string
		o    lab.Options
		want string
	}{
		{"limit", lab.Options{Limit: 50 * time.Millisecond}, "time limit of 50ms reached"},
		{"interrupt", lab.Options{Each: interrupt}, "interrupted; run the cell again to train on"},
		{"limit before the first step", lab.Options{Limit: time.Nanosecond}, "time limit of 1ns reached"},
	} {
		said := stderrOf(t, func() {
			if err := lab.Watch(trainer, forever, test.o); err != nil {
				t.Error(err)
			}
		})
		lines := strings.Split(strings.TrimSpace(said), "\n")
		last := lines[len(lines)-1]
		if !strings.Contains(last, test.want) || !strings.Contains(last, "collapsed: ") || strings.Contains(last, "vanished") {
			t.Errorf("%s: the figure ends with %q, want %q and the light's words", test.end, last, test.want)
		}
	}
}

// stderrOf is what is written to standard error meanwhile.
func stderrOf(t *testing.T, do func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = before }()
	do()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFollow wants the caller's error to end the training, and no samples where they go nowhere.
func TestFollow(t *testing.T) {
	trainer := small(t)
	stop := errors.New("enough")
	live := show.NewLive(show.LiveOptions{Total: 10, Out: new(strings.Builder)})
	dress := func(_ *show.Frame, _ train.Progress, due bool) error {
		if due {
			t.Error("samples are due though nothing shows them")
		}
		return nil
	}
	err := lab.Follow(t.Context(), trainer, 10, live, dress, func(p train.Progress) error {
		if p.Step == 4 {
			return stop
		}
		return nil
	})
	if err != stop || trainer.Step() != 4 {
		t.Errorf("it ended at step %d with %v, want step 4 and %v", trainer.Step(), err, stop)
	}
}

func TestSamples(t *testing.T) {
	trainer := small(t)
	a, err := lab.Samples(trainer, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := lab.Samples(trainer, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	if a.N != 5 || a.Height != 4 || a.Width != 4 || a.Channels != 1 || len(a.Values) != 5*4*4 {
		t.Errorf("5 samples of 4×4 are %d of %d×%d×%d with %d values", a.N, a.Height, a.Width, a.Channels, len(a.Values))
	}
	if !slices.Equal(a.Values, b.Values) {
		t.Error("the same seed gave other samples")
	}
}
