package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestNoFile opens what is no file: it is refused at once, and a pipe is not waited for.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{os.Mkdir(path("folder"), 0o700), syscall.Mkfifo(path("named pipe"), 0o600),
		os.Symlink("/dev/zero", path("device")), os.Symlink("not there", path("link to nothing")),
		os.WriteFile(path("0 bytes"), nil, 0o600), os.Symlink("named pipe", path("it is no file but a named pipe"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"folder", "named pipe", "device", "link to nothing", "0 bytes", "it is no file but a named pipe"} {
		_, err := Open(path(name))
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path(name)) || strings.Count(err.Error(), name) < 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Symlink("round", path("round")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{"absent": fs.ErrNotExist, "round": syscall.ELOOP} {
		if _, err := Open(path(name)); !errors.Is(err, want) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	for _, name := range []string{"/proc/self/status", "/proc/self/mem"} { // files that say they are empty
		if _, err := Open(name); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerifyNeedsNoMemory reads through a file of 300 MB of zeros.
func TestVerifyNeedsNoMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	header := `{"a":{"dtype":"F32","shape":[75000000],"data_offsets":[0,300000000]}}`
	if err := os.WriteFile(path, raw(header), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(8+len(header))+300e6); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(); err != nil || r.Checked || len(r.Tensors) != 1 || r.Tensors[0].Data != nil {
		t.Errorf("%v, checked %v, %d tensors", err, r.Checked, len(r.Tensors))
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 8<<20 {
		t.Errorf("it took %d MB", (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

// TestReader reads the header, then the rest; a file that changes between the two is seen.
func TestReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := sample().Save(path); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !r.Checked || r.Metadata["step"] != "30" || len(r.Tensors) != len(sample().Tensors) {
		t.Errorf("header: checked %v, %v, %d tensors", r.Checked, r.Metadata, len(r.Tensors))
	}
	for range 2 { // as often as one likes
		f, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		requireEqual(t, f, sample())
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(); !errors.Is(err, ErrDamaged) || errors.Join(r.Verify()) == nil {
		t.Errorf("cut while it is open: %v", err)
	}
}

// TestNotFinite finds the first value that is none, in every dtype that has such.
func TestNotFinite(t *testing.T) {
	values := map[string][][]byte{}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		values["F64"] = append(values["F64"], binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
		values["F32"] = append(values["F32"], binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v))))
		values["BF16"] = append(values["BF16"], binary.LittleEndian.AppendUint16(nil, uint16(math.Float32bits(float32(v))>>16)))
	}
	values["F16"] = [][]byte{{0, 0x7c}, {0, 0xfc}, {1, 0x7e}}
	for dtype, bad := range values {
		size := len(bad[0])
		fine := make([]byte, 5*size)
		for i := range fine {
			fine[i] = 0x3b
		}
		tensor := Tensor{Name: "w", DType: dtype, Shape: []int{5}, Data: fine}
		if err := tensor.CheckFinite(); err != nil {
			t.Errorf("%s: %v", dtype, err)
		}
		for _, value := range bad {
			copy(fine[3*size:], value)
			path := filepath.Join(t.TempDir(), "f")
			if err := (&File{Tensors: []Tensor{tensor}}).Save(path); err != nil { // the format may hold them
				t.Fatal(err)
			}
			r, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{tensor.CheckFinite(), r.Verify()} {
				if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "w is not finite: its value 3 ") {
					t.Errorf("%s %x: %v", dtype, value, err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := (Tensor{Name: "w", DType: "I32", Data: []byte{0xff, 0xff, 0xff, 0xff}}).CheckFinite(); err != nil {
		t.Errorf("integers: %v", err)
	}
}

// TestNotFiniteAnywhere finds the first of them wherever it stands, among the largest finite values and behind any number of others.
func TestNotFiniteAnywhere(t *testing.T) {
	for dtype, v := range map[string]struct{ largest, infinite []byte }{
		"F16":  {[]byte{0xff, 0xfb}, []byte{0, 0x7c}},
		"BF16": {[]byte{0x7f, 0xff}, []byte{0x80, 0x7f}},
		"F32":  {[]byte{0xff, 0xff, 0x7f, 0xff}, []byte{0, 0, 0x80, 0x7f}},
		"F64":  {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xef, 0xff}, []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x7f}},
	} {
		const n = 70
		size := len(v.largest)
		for count := range n {
			data := bytes.Repeat(v.largest, count)
			if at := firstNotFinite(dtype, data); at >= 0 {
				t.Fatalf("%s: %d finite values: number %d is said to be none", dtype, count, at)
			}
			for want := range count {
				copy(data[want*size:], v.infinite)
				copy(data[(count-1)*size:], v.infinite) // a second one
				if at := firstNotFinite(dtype, data); at != want {
					t.Fatalf("%s: the first of %d values that is infinite is %d, not %d", dtype, count, want, at)
				}
				copy(data[want*size:], v.largest)
				copy(data[(count-1)*size:], v.largest)
			}
		}
	}
}

// TestSaveWithinLimits refuses to write what would be refused when it is read.
func TestSaveWithinLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	many := make([]Tensor, MaxTensors+1)
	for name, f := range map[string]*File{
		"tensors": {Tensors: many},
		"header":  {Metadata: map[string]string{"a": strings.Repeat("x", MaxHeader)}},
		"axes":    {Tensors: []Tensor{{"a", "U8", make([]int, maxRank+1), nil}}},
	} {
		if err := f.Save(path); err == nil {
			t.Errorf("%s: it was saved", name)
		}
	}
	requireAlone(t, path)
}
