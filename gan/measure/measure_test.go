package measure_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/measure"
	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
)

// drawnFrom is a subject whose samples are those of a set, and whose generator makes points of its latents.
func drawnFrom(set, of data.Set) measure.Subject {
	return measure.Subject{Data: of, Latent: 2,
		Draw: func(n int, seed int64) (sample.Images, error) {
			images, err := data.Subset(set, n, seed+1000).Load()
			if err != nil {
				return sample.Images{}, err
			}
			seen := images.Seen()
			seen.Labels, seen.Names = nil, nil
			return seen, nil
		},
		Generate: func(z []float32) (sample.Images, error) {
			return sample.Images{N: len(z) / 2, Height: 1, Width: 1, Channels: 2, Values: z}, nil
		}}
}

func names(r measure.Result) (all []string) {
	for _, n := range r.Numbers {
		all = append(all, n.Name)
	}
	return all
}

// TestPoints wants all that fits points of a mixture, samples of the data to get what real ones get, and one mode to be seen as such.
func TestPoints(t *testing.T) {
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	ring := data.Ring8().Set(4000, 1)
	good, err := measure.Generator(backend, drawnFrom(data.Ring8().Set(4000, 2), ring), measure.Options{Samples: 500})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{metric.FrechetName, metric.KernelName, metric.PrecisionName, metric.RecallName, metric.DensityName, metric.CoverageName,
		measure.ModesName, measure.HighQualityName, measure.ReverseKLName, measure.PathLengthName}
	if got := names(good); !slices.Equal(got, want) {
		t.Fatalf("it measures %q, want %q", got, want)
	}
	for _, n := range good.Numbers {
		if !(n.Low <= n.Value && n.Value <= n.High) {
			t.Errorf("%s is not in its interval: %s", n.Name, n.Interval())
		}
		if n.Real != nil && math.Abs(n.Value-*n.Real) > 0.1 {
			t.Errorf("%s of the data's own distribution is %g, and real data gets %g", n.Name, n.Value, *n.Real)
		}
	}
	if len(good.Missing) != 1 || !strings.HasPrefix(good.Missing[0], measure.CopiesName+": ring has no images beside it") {
		t.Errorf("missing are %q", good.Missing)
	}
	collapsed := drawnFrom(ring, ring)
	collapsed.Draw = func(n int, seed int64) (sample.Images, error) {
		m, random := sample.Images{N: n, Height: 1, Width: 1, Channels: 2}, rand.New(rand.NewPCG(uint64(seed), 0))
		for range n {
			m.Values = append(m.Values, 1+0.01*float32(random.NormFloat64()), 0.01*float32(random.NormFloat64()))
		}
		return m, nil
	}
	collapsed.Generate = nil
	bad, err := measure.Generator(backend, collapsed, measure.Options{Samples: 500})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := bad.Number(measure.ModesName); n.Value != 1 || n.High > 8 || *n.Real != 8 {
		t.Errorf("of one mode: %+v", n)
	}
	if _, is := bad.Number(measure.PathLengthName); is || !strings.Contains(fmt.Sprint(bad.Missing), "path length: the generator takes no latents") {
		t.Errorf("without latents there is a path length, or nothing is said: %q", bad.Missing)
	}
	if text, page := good.String(), good.HTML(); !strings.Contains(text, "95 % interval") || !strings.Contains(text, measure.CopiesName+": ring") || !strings.Contains(page, "<table>") {
		t.Errorf("the table is\n%s", text)
	}
}

// TestDigits wants the classifier's features, the classes and the search for copies of digits; copies of the training set stand out.
func TestDigits(t *testing.T) {
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	s := drawnFrom(data.MNIST(), data.MNIST())
	s.Generate = nil
	r, err := measure.Generator(backend, s, measure.Options{Samples: 300, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if r.Features != metric.MNIST1 {
		t.Errorf("features are %s", r.Features)
	}
	for _, name := range []string{metric.FrechetName, measure.ClassesName, measure.RarestName, measure.ClassKLName, measure.CopiesName} {
		if n, found := r.Number(name); !found || n.Real == nil {
			t.Errorf("%s is missing, or without what real data gets: %q", name, r.Missing)
		}
	}
	if n, _ := r.Number(measure.ClassesName); n.Value != 10 {
		t.Errorf("real digits have %g classes", n.Value)
	}
	again, err := measure.Generator(backend, s, measure.Options{Samples: 300, Seed: 3})
	if err != nil || fmt.Sprint(again) != fmt.Sprint(r) {
		t.Errorf("the same again is not the same: %v\n%v\n%v", err, r, again)
	}
}

// TestJudge wants a classifier of one's own to be the one that judges.
func TestJudge(t *testing.T) {
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	s := drawnFrom(data.MNIST(), data.MNIST())
	s.Generate = nil
	distance := func(judge string) float64 {
		r, err := measure.Generator(backend, s, measure.Options{Samples: 200, Judge: judge})
		if err != nil {
			t.Fatal(err)
		}
		n, _ := r.Number(metric.FrechetName)
		return n.Value
	}
	weights := filepath.Join("..", "metric", "weights")
	usual, same, other := distance(""), distance(filepath.Join(weights, metric.MNIST1+".safetensors")), distance(filepath.Join(weights, metric.Fashion1+".safetensors"))
	if same != usual || other == usual {
		t.Errorf("the built-in classifier gives %g, its file %g, and that of clothes %g", usual, same, other)
	}
	for judge, want := range map[string]string{"nowhere.safetensors": "nowhere.safetensors", "measure.go": "measure.go"} {
		if _, err := measure.Generator(backend, s, measure.Options{Samples: 200, Judge: judge}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("judged by %s: %v", judge, err)
		}
	}
	ring := drawnFrom(data.Ring8().Set(400, 1), data.Ring8().Set(400, 1))
	_, err = measure.Generator(backend, ring, measure.Options{Samples: 50, Judge: filepath.Join(weights, metric.MNIST1+".safetensors")})
	if err == nil || !strings.Contains(err.Error(), "reads images of 28×28×1") {
		t.Errorf("points judged by a classifier of digits: %v", err)
	}
}

// TestWords wants the shares of known words and of whole texts and phrases, each to see what it is there for, and the reason why what
// needs a covariance is missing.
func TestWords(t *testing.T) {
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	path := filepath.Join(t.TempDir(), "verses.txt")
	verses := strings.Repeat("the cat sat\na dog ran\nthe red fox hid\nwe met a hen\n", 100)
	if err := os.WriteFile(path, []byte(verses), 0o600); err != nil {
		t.Fatal(err)
	}
	own := data.Text(path, data.TextOptions{})
	for name, c := range map[string]struct {
		of    data.Set
		drawn string // "": samples of the data
		want  map[string]float64
	}{
		"the phrases themselves": {data.Phrases(), "", map[string]float64{measure.WordsName: 1, measure.TextsName: 1, measure.PhrasesName: 1}},
		"no rule is kept": {data.Phrases(), "sat the cat\nthe cat sat\nthe cit sat\nfox the",
			map[string]float64{measure.WordsName: 10. / 11, measure.TextsName: 0.75, measure.PhrasesName: 0.25}},
		"a text of one's own": {own, "", map[string]float64{measure.WordsName: 1, measure.TextsName: 1}},
		"a word is wrong":     {own, "the cat\nthe cot\ndog\nwe", map[string]float64{measure.WordsName: 5. / 6, measure.TextsName: 0.75}},
	} {
		s := drawnFrom(c.of, c.of)
		s.Generate = nil
		if c.drawn != "" {
			like, err := c.of.Head()
			if err != nil {
				t.Fatal(err)
			}
			s.Draw = func(n int, _ int64) (sample.Images, error) {
				return written(like, strings.Split(c.drawn, "\n"), n), nil
			}
		}
		r, err := measure.Generator(backend, s, measure.Options{Samples: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range []string{measure.WordsName, measure.TextsName, measure.PhrasesName} {
			n, found := r.Number(number)
			want, is := c.want[number]
			if found != is || is && (math.Abs(n.Value-want) > 1e-9 || *n.Real != 1 || n.Low < 0 || n.High > 1) {
				t.Errorf("%s: %s is %+v, want %g", name, number, n, want)
			}
		}
		if !strings.Contains(fmt.Sprint(r.Missing), metric.FrechetName+": there is no classifier for this data") {
			t.Errorf("missing are %q", r.Missing)
		}
	}
}

// written are n samples that spell texts, one after the other and again.
func written(like *sample.Images, texts []string, n int) sample.Images {
	drawn := sample.Images{N: n, Height: like.Height, Width: 1, Channels: like.Depth(), Values: make([]float32, n*like.Height*like.Depth())}
	for i := range n {
		text := []rune(texts[i%len(texts)])
		for place := range like.Height {
			letter := ' '
			if place < len(text) {
				letter = text[place]
			}
			drawn.Values[(i*like.Height+place)*like.Depth()+slices.Index(like.Alphabet, letter)] = 1
		}
	}
	return drawn
}

// TestRefused wants one line for what cannot be measured.
func TestRefused(t *testing.T) {
	for _, samples := range []int{-1, 3, measure.Most + 1} {
		if _, err := measure.Generator(nil, drawnFrom(data.Ring8().Set(100, 1), data.Ring8().Set(100, 1)), measure.Options{Samples: samples}); err == nil {
			t.Errorf("%d samples are measured", samples)
		}
	}
	few := data.Ring8().Set(30, 1)
	if _, err := measure.Generator(nil, drawnFrom(few, few), measure.Options{}); err == nil || !strings.Contains(err.Error(), "too few to measure by: want at least 40") {
		t.Errorf("of 30 points: %v", err)
	}
}

// TestStream wants pictures that are read as they are measured by to give what the same pictures in memory give, chosen by the seed.
func TestStream(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 2))
	for i := range 3 * measure.Least {
		picture := image.NewGray(image.Rect(0, 0, 4, 4))
		for at := range picture.Pix {
			picture.Pix[at] = byte(random.UintN(256))
		}
		var content bytes.Buffer
		if err := errors.Join(png.Encode(&content, picture), os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.png", i)), content.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	backend, err := device.Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	measured := func(stream bool, seed int64) string {
		set := data.Folder(dir, data.FolderOptions{Size: 4, Gray: true, Stream: stream})
		set.Name = "photos"
		subject := measure.Subject{Data: set, Latent: 2, Draw: func(n int, _ int64) (sample.Images, error) {
			drawn, random := sample.Images{N: n, Height: 4, Width: 4, Channels: 1}, rand.New(rand.NewPCG(3, 4))
			for range 16 * n {
				drawn.Values = append(drawn.Values, 2*random.Float32()-1)
			}
			return drawn, nil
		}}
		r, err := measure.Generator(backend, subject, measure.Options{Samples: measure.Least, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return r.String()
	}
	for _, seed := range []int64{1, 2} {
		if got, want := measured(true, seed), measured(false, seed); got != want {
			t.Errorf("seed %d: a stream is measured as\n%s\nand the same pictures in memory as\n%s", seed, got, want)
		}
	}
}
