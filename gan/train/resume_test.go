package train_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/train"
)

// saver makes the test binary a process that saves checkpoints in the folder it names, until it is killed.
const saver = "GANTRY_TEST_SAVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(saver); dir != "" {
		fmt.Println("failed:", saveForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func trainer(t testing.TB, backend compute.Backend, exp gan.Experiment) *train.Trainer {
	t.Helper()
	made, err := gan.NewTrainer(backend, exp)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// saved returns the content of the checkpoint that a trainer writes.
func saved(t testing.TB, of *train.Trainer) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("a first Save left %v (%v), want one file", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestResumeBitForBit interrupts runs of 40 steps (five epochs) at random steps and resumes them in a new trainer.
func TestResumeBitForBit(t *testing.T) {
	const whole = 40
	backend := gantest.XLA(t)
	for i, order := range []method.Method{method.Alternating{}, method.Halves{}, method.Simultaneous{}} {
		t.Run(order.String(), func(t *testing.T) {
			undisturbed := trainer(t, backend, tiny.Experiment(order))
			random := rand.New(rand.NewPCG(5, uint64(i)))
			checkpoints := map[int]string{} // by the step they were saved after
			for len(checkpoints) < 10 {
				checkpoints[random.IntN(whole+1)] = t.TempDir()
			}
			var want []train.Progress
			for step := range whole + 1 {
				if dir, found := checkpoints[step]; found {
					if err := undisturbed.Save(dir); err != nil {
						t.Fatal(err)
					}
				}
				if step < whole {
					want = append(want, tiny.Steps(t, undisturbed, 1)...)
				}
			}
			wantState := saved(t, undisturbed)
			for at, dir := range checkpoints {
				resumed := trainer(t, backend, tiny.Experiment(order))
				if skipped, err := resumed.Restore(dir); err != nil || len(skipped) > 0 {
					t.Fatalf("restoring at step %d: %v, skipped %v", at, err, skipped)
				}
				if resumed.Step() != at {
					t.Errorf("restored at step %d, want %d", resumed.Step(), at)
				}
				for i, p := range tiny.Steps(t, resumed, whole-at) {
					if !reflect.DeepEqual(p, want[at+i]) {
						t.Fatalf("interrupted at step %d: step %d reports %+v, undisturbed %+v", at, at+i+1, p, want[at+i])
					}
				}
				if !bytes.Equal(saved(t, resumed), wantState) {
					t.Errorf("interrupted at step %d: the state after step %d differs from the undisturbed run's", at, whole)
				}
			}
		})
	}
}

// TestCancelled ends training between two steps; going on afterwards leads where an undisturbed run leads.
func TestCancelled(t *testing.T) {
	backend := gantest.XLA(t)
	undisturbed := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, undisturbed, 12)
	stopped := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for p, err := range stopped.Train(ctx, 12) {
		if last = err; err == nil && p.Step == 5 {
			cancel()
		}
	}
	if last != context.Canceled || stopped.Step() != 5 {
		t.Fatalf("stopped at step %d with %v, want step 5 and %v", stopped.Step(), last, context.Canceled)
	}
	tiny.Steps(t, stopped, 7)
	if !bytes.Equal(saved(t, stopped), saved(t, undisturbed)) {
		t.Error("after an interruption training led elsewhere")
	}
}

// saveForever trains and saves, and says before and after each save which step it is.
func saveForever(dir string) error {
	backend, err := device.Open("go") // starts at once; the files are the same
	if err != nil {
		return err
	}
	t, err := gan.NewTrainer(backend, tiny.Experiment(method.Alternating{}))
	if err != nil {
		return err
	}
	if _, err := t.Restore(dir); err != nil && !strings.Contains(err.Error(), train.ErrNoCheckpoint.Error()) {
		return err
	}
	for p, err := range t.Train(context.Background(), 1_000_000) {
		if err != nil {
			return err
		}
		fmt.Println("saving", p.Step)
		if err := t.Save(dir); err != nil {
			return err
		}
		fmt.Println("saved", p.Step)
	}
	return nil
}

// TestKilledWhileSaving kills a process a hundred times at random moments of a save. Whatever it had saved must be there,
// whole, each time.
func TestKilledWhileSaving(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reader := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	random := rand.New(rand.NewPCG(9, 9))
	during, last := 0, 0
	for kill := range 100 {
		c := exec.Command(self)
		c.Env = append(os.Environ(), saver+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		saving := 0
		for lines.Scan() {
			word, number, _ := strings.Cut(lines.Text(), " ")
			step, err := strconv.Atoi(number)
			if err != nil {
				t.Fatalf("kill %d: the process says %q", kill, lines.Text())
			}
			if word == "saved" {
				last = step
			} else if saving++; saving > random.IntN(4) {
				break
			}
		}
		moment := time.NewTimer(time.Duration(random.Int64N(int64(time.Millisecond)))) // a save takes about so long
		<-moment.C
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		c.Wait() // it was killed
		before := last
		for lines.Scan() { // what the scanner had read ahead
			rest = append([]byte(lines.Text()+"\n"), rest...)
		}
		for line := range strings.Lines(string(rest)) {
			if number, found := strings.CutPrefix(strings.TrimSpace(line), "saved "); found {
				if step, err := strconv.Atoi(number); err == nil {
					last = max(last, step)
				}
			}
		}
		if last == before {
			during++
		}
		skipped, err := reader.Restore(dir)
		if last == 0 && err != nil {
			continue // killed within the first save of all
		}
		if err != nil || reader.Step() < last {
			t.Fatalf("kill %d: step %d was saved, but Restore gives step %d, %v; skipped %v", kill, last, reader.Step(), err, skipped)
		}
		if len(skipped) > 0 {
			t.Errorf("kill %d left a damaged checkpoint under its final name: %v", kill, skipped)
		}
	}
	t.Logf("%d of 100 kills hit a save that was under way", during)
	if during < 10 {
		t.Errorf("only %d of 100 kills hit a save", during)
	}
}
