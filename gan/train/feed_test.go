package train_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device/compilecache"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/train"
)

// photos writes grey pictures of 8×8 in two classes and returns their folder.
func photos(t testing.TB, n int) string {
	t.Helper()
	t.Setenv(compilecache.Env, compilecache.Dir()) // which stays where it is
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		picture := image.NewGray(image.Rect(0, 0, 8, 8))
		for at := range picture.Pix {
			picture.Pix[at] = byte(random.UintN(256))
		}
		path := filepath.Join(dir, fmt.Sprintf("%c", 'a'+i%2), fmt.Sprintf("%03d.png", i))
		var content bytes.Buffer
		if err := errors.Join(png.Encode(&content, picture), os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// album is the pictures of a folder under a name that does not tell whether they are a stream.
func album(dir string, stream bool) data.Set {
	set := data.Folder(dir, data.FolderOptions{Size: 8, Gray: true, Stream: stream})
	set.Name = "photos"
	return set
}

// classed tells its critic the class.
func classed() gan.Experiment {
	exp := tiny.Experiment(method.Alternating{})
	critic := exp.Critic
	exp.Critic, exp.View.ClassCritic = nil, func(scope *model.Scope, x, labels *Node) *Node {
		return Add(critic(scope, x), net.Dense(scope.In("class"), OneHot(labels, 2, dtypes.Float32), 1))
	}
	return exp
}

// TestStreamBitForBit wants a run on a stream to be one on the same pictures on the device, bit for bit, over epochs that end
// within what is read ahead; and one that was interrupted, gone back in, forked or kept to be one that never stopped.
func TestStreamBitForBit(t *testing.T) {
	const steps = 23
	dir := photos(t, 53)
	for name, exp := range map[string]gan.Experiment{"everything": everything(), "classes": classed(), "on XLA": tiny.Smooth()} {
		t.Run(name, func(t *testing.T) {
			backend := gantest.Open(t, map[bool]string{true: "xla:cpu", false: "go"}[name == "on XLA"])
			on := func(stream bool) *train.Trainer {
				exp := exp
				exp.Data = album(dir, stream)
				return trainer(t, backend, exp)
			}
			resident, streaming := on(false), on(true)
			want, got := tiny.Steps(t, resident, steps), tiny.Steps(t, streaming, steps)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("the steps on a stream report\n%v\nand on the device\n%v", got, want)
			}
			whole := saved(t, resident)
			same := func(what string, of *train.Trainer) {
				t.Helper()
				if !bytes.Equal(saved(t, of), whole) {
					t.Errorf("%s: another state than that of a run that never stopped", what)
				}
			}
			same("on a stream", streaming)

			at := t.TempDir()
			first := on(true)
			tiny.Steps(t, first, 7)
			if err := first.Save(at); err != nil {
				t.Fatal(err)
			}
			if _, err := first.GradientNorms(); err != nil {
				t.Fatal(err)
			}
			branch, _, err := first.Fork(nil)
			if err != nil {
				t.Fatal(err)
			}
			again := gantest.Again(t, first)
			for what, of := range map[string]*train.Trainer{"after gradients were looked at": first, "forked": branch, "kept by a notebook": again} {
				tiny.Steps(t, of, steps-7)
				same(what, of)
			}
			resumed := on(true)
			for _, of := range []*train.Trainer{resumed, first} { // the second goes back
				if _, err := of.Restore(at); err != nil {
					t.Fatal(err)
				}
				tiny.Steps(t, of, steps-7)
				same("resumed", of)
			}
		})
	}
}

// TestUnread wants a picture that breaks while a run trains to end it in a line that names it, with its state whole, and training
// to go on from there once the picture is mended.
func TestUnread(t *testing.T) {
	dir := photos(t, 53)
	exp := tiny.Smooth()
	exp.Data = album(dir, true)
	backend := gantest.Go(t)
	whole := trainer(t, backend, exp)
	tiny.Steps(t, whole, 20)
	os.RemoveAll(os.Getenv("XDG_CACHE_HOME")) // what was decoded

	broken := trainer(t, backend, exp)
	path := filepath.Join(dir, "b", "017.png")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:40], 0o600); err != nil {
		t.Fatal(err)
	}
	var failed error
	for _, err := range broken.Train(t.Context(), 20) {
		failed = err
	}
	if !errors.Is(failed, train.ErrUnread) || !strings.Contains(failed.Error(), "b/017.png: damaged picture") || strings.Contains(failed.Error(), "\n") {
		t.Fatalf("the error is %v, want one line that names b/017.png", failed)
	}
	at := broken.Step()
	if at >= 20 {
		t.Fatal("it trained on without the picture")
	}
	if err := broken.Save(t.TempDir()); err != nil {
		t.Errorf("the state cannot be saved: %v", err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	tiny.Steps(t, broken, 20-at)
	if !bytes.Equal(saved(t, broken), saved(t, whole)) {
		t.Error("once the picture is mended, the run is another than one that never stopped")
	}
}

// TestStreamMemory wants an epoch of a stream to take no more memory than its first steps, where the set itself takes several times
// that.
func TestStreamMemory(t *testing.T) {
	const n, side, batch = 1600, 64, 16
	dir := photos(t, 1)
	for i := range n { // many names of one picture
		if err := os.Link(filepath.Join(dir, "a", "000.png"), filepath.Join(dir, "a", fmt.Sprintf("more-%04d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	exp := tiny.Smooth()
	exp.BatchSize, exp.Data = batch, data.Folder(dir, data.FolderOptions{Size: side, Stream: true})
	exp.Generator = func(scope *model.Scope, z *Node) *Node {
		return Reshape(Tanh(net.Dense(scope.In("output"), z, side*side*3)), -1, side, side, 3)
	}
	exp.Critic = func(scope *model.Scope, x *Node) *Node { return net.Dense(scope.In("logit"), net.Flatten(x), 1) }
	streaming := trainer(t, gantest.Go(t), exp)
	inUse := func() (heap, resident int) {
		runtime.GC()
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if text, err := os.ReadFile("/proc/self/statm"); err == nil {
			var pages int
			fmt.Sscan(string(text), &pages, &resident)
		}
		return int(m.HeapAlloc), resident * os.Getpagesize()
	}
	tiny.Steps(t, streaming, 10)
	heap, resident := inUse()
	tiny.Steps(t, streaming, n/batch)
	heapNow, residentNow := inUse()
	const set = n * side * side * 3
	if grown := heapNow - heap; grown > set/4 {
		t.Errorf("the heap has grown by %d bytes in an epoch of %d bytes of pictures", grown, set)
	}
	if grown := residentNow - resident; grown > set/2 {
		t.Errorf("the process has grown by %d bytes in an epoch of %d bytes of pictures", grown, set)
	}
}

// TestStreamOfPrivate wants a line where updates draw from the whole set.
func TestStreamOfPrivate(t *testing.T) {
	exp := tiny.Smooth()
	exp.Method = method.Private{Clip: 1, Noise: 1}
	exp.Data = album(photos(t, 53), true)
	if _, err := gan.NewTrainer(gantest.Go(t), exp); err == nil || !strings.Contains(err.Error(), "photos is a stream") {
		t.Errorf("error %v, want one that says why not", err)
	}
}
