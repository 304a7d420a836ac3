package train_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

const (
	generatorFile = "generator.safetensors"
	criticFile    = "critic.safetensors"
)

// change rewrites a file, with its checksum.
func change(t testing.TB, path string, how func(*safetensors.File)) {
	t.Helper()
	file, err := safetensors.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	how(file)
	if err := file.Save(path); err != nil {
		t.Fatal(err)
	}
}

// put writes a number into a float32 tensor of a file.
func put(tensor string, value float32) func(*safetensors.File) {
	return func(file *safetensors.File) {
		stored, _ := file.Tensor(tensor)
		binary.LittleEndian.PutUint32(stored.Data[8:], math.Float32bits(value))
	}
}

// TestAdoptWeights goes on from weights alone: both networks and the step are those that were saved, the optimizers are
// fresh.
func TestAdoptWeights(t *testing.T) {
	backend := gantest.Go(t)
	exp := tiny.Experiment(method.Alternating{})
	exp.Optimizers.EMA = 0.9
	of, dir := trainer(t, backend, exp), t.TempDir()
	tiny.Steps(t, of, 5)
	if err := of.SaveWeights(dir); err != nil {
		t.Fatal(err)
	}
	if w := train.WeightsIn(dir, method.GeneratorName, method.CriticName); !w.Whole() || w.Step != 5 || w.Calls != 5 {
		t.Errorf("the weights are %+v", w)
	}
	fresh := trainer(t, backend, exp)
	adopted := trainer(t, backend, exp)
	notice, err := adopted.AdoptWeights(dir)
	wantWords(t, errors.New(notice), dir, "step 5", "fresh optimizers")
	if err != nil || adopted.Step() != 5 || adopted.Calls() != 5 {
		t.Fatalf("adopted at step %d, call %d, %v", adopted.Step(), adopted.Calls(), err)
	}
	one, errOne := of.Sample(4, 1)
	two, errTwo := adopted.Sample(4, 1)
	if errOne != nil || errTwo != nil || fmt.Sprint(one) != fmt.Sprint(two) {
		t.Errorf("samples differ from those of the run (%v, %v)", errOne, errTwo)
	}
	was, now, initial := tensorsOf(t, saved(t, of)), tensorsOf(t, saved(t, adopted)), tensorsOf(t, saved(t, fresh))
	for name := range was {
		want := initial[name]
		switch {
		case bytes.HasPrefix([]byte(name), []byte("critic/")), bytes.HasPrefix([]byte(name), []byte("average/")):
			want = was[name]
		case bytes.HasPrefix([]byte(name), []byte("generator/")):
			want = was["average"+name[len("generator"):]]
		}
		if fmt.Sprint(now[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, now[name], want)
		}
	}
	if p := tiny.Steps(t, adopted, 2); p[1].Step != 7 {
		t.Errorf("it goes on at step %d", p[1].Step)
	}
	_, err = adopted.AdoptWeights(dir)
	wantWords(t, err, "for a new trainer", "step 7")

	for _, name := range []string{generatorFile, criticFile} { // as an earlier version wrote them
		change(t, filepath.Join(dir, name), func(f *safetensors.File) {
			delete(f.Metadata, "step")
			delete(f.Metadata, "calls")
			delete(f.Metadata, "network")
		})
	}
	old := trainer(t, backend, exp)
	if notice, err = old.AdoptWeights(dir); err != nil || old.Step() != 0 {
		t.Errorf("weights without a step: step %d, %v", old.Step(), err)
	}
	wantWords(t, errors.New(notice), "one that they do not name")

	private := tiny.Smooth()
	private.Method = method.Private{Clip: 1, Noise: 1}
	_, err = trainer(t, backend, private).AdoptWeights(dir)
	wantWords(t, err, "weights alone do not say what they have cost")
}

// TestAdoptWeightsRefuses wants files that are not both networks' weights, whole, to be named, and the trainer as it was.
func TestAdoptWeightsRefuses(t *testing.T) {
	backend := gantest.Go(t)
	of := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, of, 1)
	wider := tiny.Experiment(method.Alternating{})
	wider.Critic = func(scope *model.Scope, x *Node) *Node {
		return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 40), 0.2), 1)
	}
	for _, c := range []struct {
		what  string
		is    error // nil: none of the three
		words []string
		spoil func(dir string)
	}{
		{"no critic", fs.ErrNotExist, []string{criticFile}, func(dir string) { os.Remove(filepath.Join(dir, criticFile)) }},
		{"a damaged critic", train.ErrDamaged, []string{criticFile, "checksum"}, func(dir string) { flip(t, filepath.Join(dir, criticFile)) }},
		{"no number", train.ErrDamaged, []string{criticFile, "dense/weights is not finite: its value 2"}, func(dir string) {
			change(t, filepath.Join(dir, criticFile), put("dense/weights", float32(math.NaN())))
		}},
		{"an infinite number", train.ErrDamaged, []string{generatorFile, "output/biases is not finite"}, func(dir string) {
			change(t, filepath.Join(dir, generatorFile), put("output/biases", float32(math.Inf(-1))))
		}},
		{"the one in the other's place", train.ErrDamaged, []string{generatorFile, "it has the weights of the critic"}, func(dir string) {
			content := files(t, dir)
			write(t, filepath.Join(dir, generatorFile), content[criticFile])
			write(t, filepath.Join(dir, criticFile), content[generatorFile])
		}},
		{"another network", nil, []string{criticFile, "does not fit the critic network", "dense/weights is F32 [64 40] there and F32 [64 32] here"}, func(dir string) {
			if err := trainer(t, backend, wider).SaveWeights(dir); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		dir := t.TempDir()
		if err := of.SaveWeights(dir); err != nil {
			t.Fatal(err)
		}
		c.spoil(dir)
		other := trainer(t, backend, tiny.Experiment(method.Alternating{}))
		before := saved(t, other)
		_, err := other.AdoptWeights(dir)
		wantWords(t, err, c.words...)
		if c.is != nil && !errors.Is(err, c.is) || c.is != train.ErrDamaged && errors.Is(err, train.ErrDamaged) {
			t.Errorf("%s: %v", c.what, err)
		}
		if !bytes.Equal(saved(t, other), before) {
			t.Errorf("%s: the trainer is another", c.what)
		}
	}
}

// TestWeightsAreAPair has room for the generator's file and not for the critic's: both stay as they were.
func TestWeightsAreAPair(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	exp.Critic = func(scope *model.Scope, x *Node) *Node {
		return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 400), 0.2), 1)
	}
	of, dir := trainer(t, gantest.Go(t), exp), t.TempDir()
	if err := of.SaveWeights(dir); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	if len(before[generatorFile]) > 20_000 || len(before[criticFile]) < 40_000 {
		t.Fatalf("files of %d and %d bytes do not fit this test", len(before[generatorFile]), len(before[criticFile]))
	}
	tiny.Steps(t, of, 1)
	limited(t, 20_000, func() { wantWords(t, of.SaveWeights(dir), "cannot save", criticFile, "earlier files are untouched") })
	if got := files(t, dir); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("the folder holds %s, and not what was there before", names(t, dir))
	}
	if err := of.SaveWeights(dir); err != nil || train.WeightsIn(dir, method.GeneratorName, method.CriticName).Step != 1 {
		t.Errorf("later: %v, %v", err, train.WeightsIn(dir, method.GeneratorName, method.CriticName))
	}
}

// TestIntactWeights: the generator's file is read whatever else of a run is lost or damaged.
func TestIntactWeights(t *testing.T) {
	backend, dir := gantest.Go(t), t.TempDir()
	of := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	save(t, of, 1, filepath.Join(dir, "checkpoints"))
	if err := of.SaveWeights(dir); err != nil {
		t.Fatal(err)
	}
	want, err := of.Sample(3, 1)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, of.LastCheckpoint())
	for _, name := range []string{"run.json", "progress.jsonl", "history", criticFile} {
		write(t, filepath.Join(dir, name), []byte("hal"))
	}
	g, err := gan.LoadGenerator(backend, tiny.Experiment(method.Alternating{}), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.Sample(3, 1); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it draws other samples (%v)", err)
	}
}

// TestLoadGeneratorRefuses wants what is no generator's weights to be refused in one line, at once, and without the memory
// that the file asks for.
func TestLoadGeneratorRefuses(t *testing.T) {
	backend := gantest.Go(t)
	of := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, of, 1)
	sparse := func(path, header string, size int64) {
		content := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		write(t, path, append(content, header...))
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what  string
		is    error
		words []string
		spoil func(path string)
	}{
		{"no file", fs.ErrNotExist, []string{"no generator weights"}, func(path string) { must(os.Remove(path)) }},
		{"a flipped bit", train.ErrDamaged, []string{"checksum is wrong"}, func(path string) { flip(t, path) }},
		{"a cut", train.ErrDamaged, nil, func(path string) { must(os.Truncate(path, 3000)) }},
		{"a tail", train.ErrDamaged, []string{"1 bytes belong to no tensor"}, func(path string) {
			content, err := os.ReadFile(path)
			must(err)
			write(t, path, append(content, 0))
		}},
		{"no number", train.ErrDamaged, []string{"dense/weights is not finite"}, func(path string) {
			change(t, path, put("dense/weights", float32(math.NaN())))
		}},
		{"the critic's", train.ErrDamaged, []string{"weights of the critic"}, func(path string) {
			must(os.Rename(filepath.Join(filepath.Dir(path), criticFile), path))
		}},
		{"another network's", nil, []string{"does not fit the generator network"}, func(path string) {
			exp := tiny.Experiment(method.Alternating{})
			exp.Latent = 5
			must(trainer(t, backend, exp).SaveWeights(filepath.Dir(path)))
		}},
		{"one tensor more", nil, []string{"it has a variable more that is not here"}, func(path string) {
			change(t, path, func(f *safetensors.File) {
				f.Tensors = append(f.Tensors, safetensors.Tensor{Name: "more", DType: "U8", Shape: []int{1}, Data: []byte{1}})
			})
		}},
		{"one tensor less", nil, []string{"it has no variable"}, func(path string) {
			change(t, path, func(f *safetensors.File) { f.Tensors = f.Tensors[1:] })
		}},
		{"a folder", train.ErrDamaged, []string{"no file but a folder"}, func(path string) {
			must(os.Remove(path))
			must(os.Mkdir(path, 0o700))
		}},
		{"a pipe", train.ErrDamaged, []string{"no file but a named pipe"}, func(path string) {
			must(os.Remove(path))
			must(syscall.Mkfifo(path, 0o600))
		}},
		{"a device", train.ErrDamaged, []string{"no file but a device"}, func(path string) {
			must(os.Remove(path))
			must(os.Symlink("/dev/zero", path))
		}},
		{"200 GB of nothing", train.ErrDamaged, []string{"200000000000 bytes, more than"}, func(path string) { must(os.Truncate(path, 200e9)) }},
		{"8 GB of weights", train.ErrDamaged, []string{"8589934672 bytes, more than"}, func(path string) {
			sparse(path, `{"dense/weights":{"dtype":"F32","shape":[2147483648],"data_offsets":[0,8589934592]}}`[:72], 8589934672)
		}},
		{"3 GB of weights", nil, []string{"dense/weights is F32 [750000000] there and F32 [4 32] here"}, func(path string) {
			header := `{"dense/weights":{"dtype":"F32","shape":[750000000],"data_offsets":[0,3000000000]}}`
			sparse(path, header, int64(8+len(header))+3e9)
		}},
		{"a header of 4 GB", train.ErrDamaged, []string{"header of 4294967296 bytes"}, func(path string) {
			write(t, path, binary.LittleEndian.AppendUint64(nil, 1<<32))
			must(os.Truncate(path, 4<<30))
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			must(of.SaveWeights(dir))
			c.spoil(filepath.Join(dir, generatorFile))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := gan.LoadGenerator(backend, tiny.Experiment(method.Alternating{}), dir)
			runtime.ReadMemStats(&after)
			wantWords(t, err, append(c.words, filepath.Join(dir, generatorFile))...)
			if c.is != nil && !errors.Is(err, c.is) || c.is != train.ErrDamaged && errors.Is(err, train.ErrDamaged) {
				t.Errorf("%v", err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("it took %d MB of memory", used>>20)
			}
		})
	}
}

// TestNotFinite wants a state with numbers that are none to be neither saved nor restored.
func TestNotFinite(t *testing.T) {
	backend, dir := gantest.Go(t), t.TempDir()
	exp := tiny.Experiment(method.Alternating{})
	whole := exp.Critic
	exp.Critic = func(scope *model.Scope, x *Node) *Node { // a number that grows, and no report shows
		v := scope.VariableWithValue("grows", float32(1)).SetTrainable(false)
		v.SetNodeValue(MulScalar(v.NodeValue(x), 1e15))
		return whole(scope, x)
	}
	of := trainer(t, backend, exp)
	save(t, of, 0, dir)
	tiny.Steps(t, of, 3)
	wantWords(t, of.Save(dir), "cannot save", "critic/grows is not finite", "go back to a checkpoint")
	wantWords(t, of.SaveWeights(dir), "cannot save", "grows is not finite")
	if got := names(t, dir); got != "checkpoint-0000000000.safetensors" {
		t.Errorf("the folder holds %s", got)
	}
	if _, err := of.Restore(dir); err != nil || of.Step() != 0 {
		t.Errorf("back at step %d, %v", of.Step(), err)
	}

	plain := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	for what, spoil := range map[string]func(*safetensors.File){
		"generator/dense/weights is not finite: its value 2": put("generator/dense/weights", float32(math.NaN())),
		"is not finite":                         put("critic/dense/weights", float32(math.Inf(1))),
		"setting critic.rate cannot be NaN":     func(f *safetensors.File) { f.Metadata["setting critic.rate"] = "NaN" },
		"setting generator.rate cannot be +Inf": func(f *safetensors.File) { f.Metadata["setting generator.rate"] = "Inf" },
		"setting critic.rate cannot be 1e+300":  func(f *safetensors.File) { f.Metadata["setting critic.rate"] = "1e300" },
		"setting critic.rate cannot be -1":      func(f *safetensors.File) { f.Metadata["setting critic.rate"] = "-1" },
		"calls \"-1\"":                          func(f *safetensors.File) { f.Metadata["calls"] = "-1" },
		"calls \"9000000000000000000\"":         func(f *safetensors.File) { f.Metadata["calls"] = "9000000000000000000" },
		"save number \"1e9\"":                   func(f *safetensors.File) { f.Metadata["saved"] = "1e9" },
	} {
		dir := t.TempDir()
		save(t, plain, 1, dir)
		earlier := plain.Step()
		save(t, plain, 1, dir)
		path := plain.LastCheckpoint()
		change(t, path, spoil)
		err := plain.RestoreFile(path)
		wantWords(t, err, path, what)
		if !errors.Is(err, train.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		_, err = plain.Adopt(path, plain.Settings())
		wantWords(t, err, path, what)
		if c, err := train.VerifyCheckpoint(path); !errors.Is(err, train.ErrDamaged) || c.Problem != err {
			t.Errorf("verified: %+v, %v", c, err)
		}
		if skipped, err := plain.Restore(dir); err != nil || plain.Step() != earlier || len(skipped) != 1 {
			t.Errorf("%s: step %d, skipped %q, %v; want the checkpoint before it", what, plain.Step(), skipped, err)
		}
	}
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1} {
		wantWords(t, plain.Set(method.CriticRate, value), "want a finite number")
	}
	if err := plain.Save(t.TempDir()); err != nil {
		t.Errorf("after refused settings: %v", err)
	}
	g, err := plain.Generator()
	if err != nil {
		t.Fatal(err)
	}
	weights, err := g.Weights()
	if err != nil {
		t.Fatal(err)
	}
	put("dense/weights", float32(math.NaN()))(weights)
	_, err = train.NewGenerator(backend, tiny.Experiment(method.Alternating{}), weights)
	wantWords(t, err, "dense/weights is not finite")
}

// TestSampleOfAnyNumber draws so many images that they are made in parts, large, small and cut off: each is the one that it is among
// any others.
func TestSampleOfAnyNumber(t *testing.T) {
	for name, backend := range map[string]compute.Backend{"go": gantest.Go(t), "xla": gantest.XLA(t)} {
		of := trainer(t, backend, tiny.Experiment(method.Alternating{}))
		all, err := of.Sample(620, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 99, 101, 249, 250, 251, 500, 619} {
			some, err := of.Sample(n, 1)
			if err != nil {
				t.Fatal(err)
			}
			if want := n * some.Size(); some.N != n || len(some.Values) != want {
				t.Fatalf("%s: %d images were asked for, and %d came in %d numbers", name, n, some.N, len(some.Values))
			}
			for i, x := range some.Values {
				if math.Abs(float64(x-all.Values[i])) > 1e-5 {
					t.Fatalf("%s: of %d images, number %d of the data is %g, and among 620 it is %g", name, n, i, x, all.Values[i])
				}
			}
		}
	}
}

// TestSampleIsBounded asks for more samples than there is memory.
func TestSampleIsBounded(t *testing.T) {
	of := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	for _, n := range []int{1e8, 1e9, 1e12, math.MaxInt} { // the images of the first would not fit, the latents of the others
		_, err := of.Sample(n, 1)
		wantWords(t, err, fmt.Sprintf("cannot draw %d samples at once", n))
	}
}
