package export_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/export"
	"gantry.local/gan/sample"
)

func small() sample.Images {
	return sample.Images{Values: []float32{-1, 0, 1, 0.5, -0.25, math.MaxFloat32}, N: 3, Height: 1, Width: 2, Channels: 1}
}

func npy(t testing.TB, images sample.Images) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := export.WriteNPY(&file, images); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestNPYBytes compares with what numpy.save of NumPy 2.4 writes for the same array.
func TestNPYBytes(t *testing.T) {
	want := "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065" +
		"273a2028332c20312c20322c2031292c207d" + strings.Repeat("20", 52) + "0a" +
		"000080bf000000000000803f0000003f000080beffff7f7f"
	if got := hex.EncodeToString(npy(t, small())); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNPYRoundTrip(t *testing.T) {
	for _, want := range []sample.Images{
		small(), {Values: []float32{3}, N: 1, Height: 1, Width: 1, Channels: 1}, {Values: make([]float32, 12345*4*3), N: 12345, Height: 2, Width: 2, Channels: 3},
	} {
		got, err := export.ReadNPY(bytes.NewReader(append(npy(t, want), "what follows"...)))
		if err != nil || !slices.Equal(got.Values, want.Values) || got.N != want.N || got.Height != want.Height || got.Width != want.Width || got.Channels != want.Channels {
			t.Errorf("%d×%d×%d×%d came back as %d×%d×%d×%d, %v", want.N, want.Height, want.Width, want.Channels, got.N, got.Height, got.Width, got.Channels, err)
		}
		if (len(npy(t, want))-4*len(want.Values))%64 != 0 {
			t.Errorf("the values of %d images are not aligned", want.N)
		}
	}
}

func TestNPYVersions(t *testing.T) {
	file := npy(t, small())
	second := slices.Concat(file[:6], []byte{2, 0}, file[8:10], []byte{0, 0}, file[10:])
	if got, err := export.ReadNPY(bytes.NewReader(second)); err != nil || got.N != 3 {
		t.Errorf("version 2: %d images, %v", got.N, err)
	}
}

// TestNPYNotFinite wants what is not finite named by its place.
func TestNPYNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		images := sample.Images{Values: make([]float32, 5*4*3*2), N: 5, Height: 4, Width: 3, Channels: 2}
		images.Values[2*24+1*6+2*2+1] = float32(v)
		_, err := export.ReadNPY(bytes.NewReader(npy(t, images)))
		if !errors.Is(err, export.ErrNPY) || !strings.Contains(err.Error(), "sample 2, row 1, column 2, channel 1 is") {
			t.Errorf("%g: %v", v, err)
		}
	}
}

// TestNPYBomb wants a header that claims a gigabyte to take no memory without it.
func TestNPYBomb(t *testing.T) {
	bomb := bytes.Replace(npy(t, small()), []byte("(3, 1, 2, 1), }      "), []byte("(9999, 128, 128, 1), }"), 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := export.ReadNPY(bytes.NewReader(bomb))
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, export.ErrNPY) || took > 1<<20 {
		t.Errorf("it took %d bytes: %v", took, err)
	}
}

func TestNPYDamaged(t *testing.T) {
	good := npy(t, small())
	for end := range good {
		if _, err := export.ReadNPY(bytes.NewReader(good[:end])); !errors.Is(err, export.ErrNPY) {
			t.Errorf("cut off after %d bytes: %v", end, err)
		}
	}
	replace := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
	for _, file := range [][]byte{
		replace("<f4", "<f8"), replace("False", "True "), replace("(3, 1, 2, 1)", "(3, 1, 2)   "),
		replace("(3, 1, 2, 1)", "(3, 1, 2, 0)"), replace("(3, 1, 2, 1), }   ", "(99999, 9999, 9999, 9999)"),
		replace("(3, 1, 2, 1), }             ", "(99999999999999999999, 1, 1, 1), }"), append([]byte("\x93NUMPY\x02\x00"), 0xff, 0xff, 0xff, 0xff),
	} {
		if _, err := export.ReadNPY(bytes.NewReader(file)); !errors.Is(err, export.ErrNPY) {
			t.Errorf("%.80q: %v", file, err)
		}
	}
	if err := export.WriteNPY(&bytes.Buffer{}, sample.Images{N: 2, Height: 1, Width: 1, Channels: 1}); err == nil {
		t.Error("samples without values are no error")
	}
	if err := export.WriteNPY(full{}, small()); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

// FuzzNPY wants the reader to end with an error or with an array that is written back as it was read.
func FuzzNPY(f *testing.F) {
	good := npy(f, small())
	f.Add(good)
	f.Add(good[:100])
	f.Add(bytes.Replace(good, []byte("(3, 1"), []byte("(9, 9"), 1))
	f.Fuzz(func(t *testing.T, file []byte) {
		images, err := export.ReadNPY(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, export.ErrNPY) {
				t.Errorf("%v is not ErrNPY", err)
			}
			return
		}
		again, err := export.ReadNPY(bytes.NewReader(npy(t, images)))
		if err != nil || len(again.Values) != len(images.Values) || again.N != images.N || again.Channels != images.Channels {
			t.Errorf("%d×%d×%d×%d does not come back: %v", images.N, images.Height, images.Width, images.Channels, err)
		}
		for i, v := range again.Values {
			if math.Float32bits(v) != math.Float32bits(images.Values[i]) {
				t.Fatalf("value %d changed", i)
			}
		}
	})
}

func TestPNG(t *testing.T) {
	nan := float32(math.NaN())
	grey := sample.Images{Values: []float32{-1, 1, 0, nan, 9, -9}, N: 3, Height: 1, Width: 2, Channels: 1}
	colour := sample.Images{Values: []float32{1, -1, 0}, N: 1, Height: 1, Width: 1, Channels: 3}
	for _, c := range []struct {
		images  sample.Images
		columns int
		size    image.Point
		pixels  map[image.Point]color.RGBA
	}{
		{grey, 2, image.Pt(5, 3), map[image.Point]color.RGBA{
			{X: 0, Y: 0}: {0, 0, 0, 255}, {X: 1, Y: 0}: {255, 255, 255, 255}, {X: 2, Y: 0}: {255, 255, 255, 255}, // a line
			{X: 3, Y: 0}: {128, 128, 128, 255}, {X: 4, Y: 0}: {0, 0, 0, 255},
			{X: 0, Y: 2}: {255, 255, 255, 255}, {X: 1, Y: 2}: {0, 0, 0, 255}, {X: 4, Y: 2}: {255, 255, 255, 255}, // no picture
		}},
		{colour, 7, image.Pt(1, 1), map[image.Point]color.RGBA{{}: {255, 0, 128, 255}}},
	} {
		var file bytes.Buffer
		if err := export.WritePNG(&file, c.images, c.columns); err != nil {
			t.Fatal(err)
		}
		sheet, err := png.Decode(&file)
		if err != nil || sheet.Bounds().Size() != c.size {
			t.Fatalf("%v, %v, want %v", sheet.Bounds(), err, c.size)
		}
		for at, want := range c.pixels {
			if got := color.RGBAModel.Convert(sheet.At(at.X, at.Y)); got != want {
				t.Errorf("pixel %v is %v, want %v", at, got, want)
			}
		}
	}
	for _, c := range []struct {
		images  sample.Images
		columns int
	}{{grey, 0}, {sample.Images{Values: make([]float32, 2), N: 1, Height: 1, Width: 1, Channels: 2}, 1}, {sample.Images{}, 1}, {sample.Images{N: 2, Height: 1, Width: 1, Channels: 1}, 1}} {
		if err := export.WritePNG(&bytes.Buffer{}, c.images, c.columns); err == nil {
			t.Errorf("%+v in %d columns is no error", c.images, c.columns)
		}
	}
	if err := export.WritePNG(full{}, grey, 1); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

// TestPixels wants samples of a data set, which has pixels, written as the networks see them.
func TestPixels(t *testing.T) {
	set := sample.Images{Pixels: []byte{0, 255, 51, 204}, N: 2, Height: 1, Width: 2, Channels: 1, Labels: []int32{1, 0}}
	for name, write := range map[string]func(w io.Writer, images sample.Images) error{
		"npy": export.WriteNPY,
		"png": func(w io.Writer, images sample.Images) error { return export.WritePNG(w, images, 2) },
	} {
		var pixels, values bytes.Buffer
		if err := errors.Join(write(&pixels, set), write(&values, set.Seen())); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pixels.Bytes(), values.Bytes()) {
			t.Errorf("%s: pixels are written otherwise than their values", name)
		}
		set := set
		set.Pixels = set.Pixels[1:]
		if write(&pixels, set) == nil {
			t.Errorf("%s: three pixels were taken for two samples of two", name)
		}
	}
}
