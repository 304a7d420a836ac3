package show

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// oversized is an image that no PNG can hold.
type oversized struct{}

func (oversized) ColorModel() color.Model { return color.GrayModel }
func (oversized) Bounds() image.Rectangle { return image.Rect(0, 0, 1<<32, 1) }
func (oversized) At(int, int) color.Color { return color.Black }

func TestSavePNG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	for _, size := range []int{3, 5} { // the second replaces the first
		if err := SavePNG(path, image.NewGray(image.Rect(0, 0, size, size))); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(file)
		file.Close()
		if err != nil || img.Bounds().Dx() != size {
			t.Fatalf("saved %d×%[1]d, read %v, %v", size, img, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	alone(t, path)
}

func TestSavePNGFails(t *testing.T) {
	dir := t.TempDir()
	dot := image.NewGray(image.Rect(0, 0, 1, 1))
	if err := SavePNG(filepath.Join(dir, "missing", "a.png"), dot); err == nil {
		t.Error("a missing folder is no error")
	}
	if err := SavePNG(filepath.Join("/proc", "a.png"), dot); err == nil { // even root cannot write there
		t.Error("an unwritable folder is no error")
	}
	path := filepath.Join(dir, "a.png")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, img := range []image.Image{nil, image.NewGray(image.Rectangle{}), oversized{}} {
		if err := SavePNG(path, img); err == nil {
			t.Errorf("%v is no error", img)
		}
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "before" {
		t.Errorf("the file is now %q, %v", content, err)
	}
	alone(t, path)

	folder := filepath.Join(t.TempDir(), "b.png")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := SavePNG(folder, dot); err == nil {
		t.Error("a folder in the way is no error")
	}
	alone(t, folder)
}

// alone checks that path has no neighbours, such as temporary files.
func alone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("beside %s: %v, %v", path, entries, err)
	}
}
