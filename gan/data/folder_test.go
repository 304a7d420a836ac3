package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/image/draw"

	"gantry.local/gan/sample"
)

var (
	red   = color.RGBA{255, 0, 0, 255}
	green = color.RGBA{0, 255, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
)

// stripes is a picture of vertical stripes, each of the given width and as high as all.
func stripes(width, height int, colours ...color.Color) image.Image {
	picture := image.NewRGBA(image.Rect(0, 0, width*len(colours), height))
	for i, c := range colours {
		draw.Draw(picture, image.Rect(i*width, 0, (i+1)*width, height), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return picture
}

// painted fills a picture with a colour.
func painted(picture draw.Image, c color.Color) image.Image {
	draw.Draw(picture, picture.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return picture
}

func pngOf(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func jpegOf(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// folderOf writes files, with the folders in their paths, into a folder of the test.
func folderOf(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFolder(t *testing.T) {
	dir := folderOf(t, map[string][]byte{
		"cat/2.png":         pngOf(t, stripes(30, 30, blue)),
		"cat/10.JPG":        jpegOf(t, stripes(30, 30, red)),
		"cat/notes.txt":     []byte("not a picture"),
		"ant/deep/down.png": pngOf(t, stripes(5, 5, green)),
		"ant/._down.png":    []byte("what a Mac leaves behind"),
		".hidden/x.png":     []byte("neither"),
		"dog/wrong.jpeg":    pngOf(t, stripes(40, 40, red)), // a PNG whatever its name says
	})
	images := load(t, Folder(dir, FolderOptions{Size: 8}))
	if images.N != 4 || images.Height != 8 || images.Width != 8 || images.Channels != 3 {
		t.Fatalf("%d pictures of %d×%d×%d", images.N, images.Height, images.Width, images.Channels)
	}
	if !slices.Equal(images.Names, []string{"ant", "cat", "dog"}) || !slices.Equal(images.Labels, []int32{0, 1, 1, 2}) {
		t.Errorf("classes %q, labels %v", images.Names, images.Labels)
	}
	for i, want := range []color.RGBA{green, red, blue, red} {
		for pixel := range slices.Chunk(images.Pixels[i*8*8*3:][:8*8*3], 3) {
			if near := func(a, b byte) bool { return max(a, b)-min(a, b) < 4 }; !near(pixel[0], want.R) ||
				!near(pixel[1], want.G) || !near(pixel[2], want.B) {
				t.Fatalf("a pixel of picture %d is %v, want %v", i, pixel, want)
			}
		}
	}
}

func TestFolderWithoutClasses(t *testing.T) {
	dir := folderOf(t, map[string][]byte{"a.png": pngOf(t, stripes(3, 3, red)), "b.png": pngOf(t, stripes(3, 3, blue))})
	images := load(t, Folder(dir, FolderOptions{}))
	if images.N != 2 || images.Height != 64 || images.Width != 64 || images.Labels != nil || images.Names != nil {
		t.Errorf("%d pictures of %d×%d, labels %v of %q", images.N, images.Height, images.Width, images.Labels, images.Names)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if linked := load(t, Folder(link, FolderOptions{})); !bytes.Equal(linked.Pixels, images.Pixels) {
		t.Error("a link to the folder gives other pictures")
	}
}

// TestFolderOrder wants picture i at place i, whichever processor decodes it, and the limit spread over all.
func TestFolderOrder(t *testing.T) {
	files := map[string][]byte{}
	for i := range 60 {
		files[fmt.Sprintf("%02d.png", i)] = pngOf(t, stripes(4+i%7, 9, color.Gray{uint8(4 * i)}))
	}
	dir := folderOf(t, files)
	images := load(t, Folder(dir, FolderOptions{Size: 2, Gray: true}))
	for i, pixel := range images.Pixels {
		if want := byte(4 * (i / 4)); pixel != want {
			t.Fatalf("picture %d has the pixel %d, want %d", i/4, pixel, want)
		}
	}
	few := load(t, Folder(dir, FolderOptions{Size: 1, Gray: true, Limit: 4}))
	if want := []byte{0, 60, 120, 180}; !bytes.Equal(few.Pixels, want) {
		t.Errorf("a limit of 4 gave %v, want %v", few.Pixels, want)
	}
}

func TestCrop(t *testing.T) {
	for name, c := range map[string]struct {
		picture image.Image
		options FolderOptions
		want    []byte
	}{
		"wide to square": {stripes(20, 20, red, green, blue), FolderOptions{Size: 1}, []byte{0, 255, 0}},
		"wide to wide": {stripes(20, 20, red, green, blue), FolderOptions{Height: 1, Width: 3},
			[]byte{255, 0, 0, 0, 255, 0, 0, 0, 255}},
		"stretched": {stripes(20, 4, red, green), FolderOptions{Height: 1, Width: 2, Stretch: true},
			[]byte{255, 0, 0, 0, 255, 0}},
		"crop":           {stripes(10, 90, red, blue, green, blue, red), FolderOptions{Size: 1, Crop: 10}, []byte{0, 255, 0}},
		"crop of less":   {stripes(10, 10, green), FolderOptions{Size: 1, Crop: 500}, []byte{0, 255, 0}},
		"high to square": {stripes(9, 400, green), FolderOptions{Size: 1}, []byte{0, 255, 0}},
		"transparent":    {stripes(4, 4, color.Transparent), FolderOptions{Size: 1}, []byte{255, 255, 255}},
		"16 bits":        {painted(image.NewNRGBA64(image.Rect(0, 0, 6, 6)), green), FolderOptions{Size: 2}, slices.Repeat([]byte{0, 255, 0}, 4)},
		"grey, 16 bits":  {painted(image.NewGray16(image.Rect(0, 0, 6, 6)), color.Gray{77}), FolderOptions{Size: 1}, []byte{77, 77, 77}},
		"a palette": {image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Transparent, red}), FolderOptions{Size: 1},
			[]byte{255, 255, 255}},
		"half transparent": {painted(image.NewNRGBA(image.Rect(0, 0, 4, 4)), color.NRGBA{0, 0, 0, 128}), FolderOptions{Size: 1},
			[]byte{127, 127, 127}},
		"grey":           {stripes(4, 4, green), FolderOptions{Size: 1, Gray: true}, []byte{150}}, // 0.587·255
		"narrow to wide": {stripes(1, 300, green), FolderOptions{Height: 1, Width: 2}, []byte{0, 255, 0, 0, 255, 0}},
	} {
		options := c.options.withDefaults()
		sample := make([]byte, options.Height*options.Width*options.channels())
		if err := readPicture(bytes.NewReader(pngOf(t, c.picture)), sample, options, maxPicture, newRoom(maxDecoding)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, got := range sample {
			room := byte(2)
			if len(sample) > 3 {
				room = 50 // the filter reaches a bit over the edge of a stripe
			}
			if max(got, c.want[i])-min(got, c.want[i]) > room {
				t.Errorf("%s: %v, want %v", name, sample, c.want)
				break
			}
		}
	}
}

// giantPNG is the beginning of a PNG file that claims to be large.
func giantPNG(width, height uint32) []byte {
	header := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(header[4:], width)
	binary.BigEndian.PutUint32(header[8:], height)
	copy(header[12:], []byte{8, 2})
	file := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(header))
}

func TestFolderErrors(t *testing.T) {
	good := pngOf(t, stripes(9, 9, red))
	for name, c := range map[string]struct {
		files   map[string][]byte
		options FolderOptions
		want    []string
	}{
		"empty":               {map[string][]byte{"readme.txt": nil}, FolderOptions{}, []string{"there is no PNG or JPEG picture in it"}},
		"damaged":             {map[string][]byte{"a.png": good, "b.png": good[:60], "c.png": nil}, FolderOptions{}, []string{"b.png", "damaged picture"}},
		"a name of two lines": {map[string][]byte{"a\nb.png": good[:60]}, FolderOptions{}, []string{`"a\nb.png": damaged picture`}},
		"no format":           {map[string][]byte{"a.jpg": []byte("GIF89a")}, FolderOptions{}, []string{"a.jpg", "not a PNG or JPEG picture"}},
		"giant": {map[string][]byte{"x/a.png": giantPNG(16000, 16000)}, FolderOptions{},
			[]string{filepath.Join("x", "a.png"), "16000×16000 pixels", "at most 67108864", "make it smaller"}},
		"long":  {map[string][]byte{"a.png": giantPNG(1, 20000)}, FolderOptions{}, []string{"20000×1 pixels", "sides are 1 to 16384"}},
		"loose": {map[string][]byte{"a.png": good, "b/b.png": good}, FolderOptions{}, []string{"the picture a.png lies beside the class folder b", "move it into a class"}},
		"size":  {map[string][]byte{"a.png": good}, FolderOptions{Size: 5000}, []string{"samples of 5000×5000", "1 to 1024"}},
		"limit": {map[string][]byte{"a.png": good}, FolderOptions{Limit: -1}, []string{"can't be negative"}},
		"two":   {map[string][]byte{"a.png": good}, FolderOptions{Crop: 1, Stretch: true}, []string{"set just one of them"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folderOf(t, c.files)
			_, err := Folder(dir, c.options).Load()
			requireLine(t, err, append(c.want, "folder "+dir)...)
		})
	}
	_, err := Folder("no such folder", FolderOptions{}).Load()
	requireLine(t, err, "folder no such folder", "no such file")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v doesn't wrap its cause", err)
	}
}

// kept is what a decoded picture holds in memory.
func kept(picture image.Image) (bytes int) {
	for _, field := range reflect.Indirect(reflect.ValueOf(picture)).Fields() {
		if field.Type() == reflect.TypeFor[[]uint8]() {
			bytes += field.Len()
		}
	}
	return bytes
}

// FuzzFolder wants an error or a sample drawn out of a picture within the limits, which takes no more memory than was
// reckoned before it was decoded.
func FuzzFolder(f *testing.F) {
	f.Add(pngOf(f, stripes(3, 5, red, blue)), false)
	f.Add(pngOf(f, stripes(3, 5, color.Gray{9})), true)
	f.Add(pngOf(f, image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{red, color.Transparent})), true)
	f.Add(jpegOf(f, stripes(8, 8, red, green)), false)
	f.Add(jpegOf(f, image.NewGray(image.Rect(0, 0, 9, 9))), false)
	f.Add(giantPNG(1<<31-1, 1<<31-1), false)
	f.Add(pngOf(f, stripes(3, 3, red))[:40], false)
	f.Add([]byte{}, true)
	f.Add(blackPNG(f, 5, 3, 16, 6, 0, 64), true)
	f.Add(blackPNG(f, 5, 3, 8, 4, 0, 16), true)
	f.Add(blackPNG(f, 5, 3, 1, 3, 0, 1), false)
	f.Add(blackPNG(f, 1, 1, 8, 6, 1, 32), false)
	f.Add(progressiveJPEG(16, 24, 1, 3), true)
	f.Add(progressiveJPEG(16, 24, 4, 1), false)
	const most = 1 << 12
	f.Fuzz(func(t *testing.T, file []byte, gray bool) {
		options := FolderOptions{Height: 3, Width: 5, Gray: gray}.withDefaults()
		sample := make([]byte, 3*5*options.channels())
		if err := readPicture(bytes.NewReader(file), sample, options, most, newRoom(maxDecoding)); err != nil {
			return
		}
		picture, _, err := image.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatalf("a sample of what can't be decoded: %v", err)
		}
		if bounds := picture.Bounds(); bounds.Dx()*bounds.Dy() > most {
			t.Errorf("read %v, more than %d pixels", bounds, most)
		} else if format, err := formatOf(bytes.NewReader(file)); err != nil {
			t.Errorf("decoded a picture of no format: %v", err)
		} else if need, err := format.memory(bytes.NewReader(file), image.Config{Width: bounds.Dx(), Height: bounds.Dy()}); err != nil || need < kept(picture) {
			t.Errorf("%T of %v takes %d bytes, reckoned %d, %v", picture, bounds, kept(picture), need, err)
		} else if part := cropped(bounds, options); part.Empty() || !part.In(bounds) {
			t.Errorf("cropped %v to %v", bounds, part)
		}
	})
}

// TestPictures wants all of a folder that is read by parts, and no more files and classes than there may be.
func TestPictures(t *testing.T) {
	files := map[string][]byte{}
	for i := range 2100 {
		files[fmt.Sprintf("%04d.png", i)] = nil
	}
	dir := folderOf(t, files)
	paths, err := pictures(dir, 2100)
	if err != nil || len(paths) != 2100 || !slices.IsSorted(paths) || paths[7] != "0007.png" {
		t.Errorf("found %d of 2100 pictures, %v", len(paths), err)
	}
	_, err = pictures(dir, 2099)
	requireLine(t, err, "more than 2099 files and folders", "name a folder further in")
	_, err = pictures(filepath.Join(dir, "0000.png"), 1)
	requireLine(t, err, "it is no folder")

	many := make([]string, sample.MaxClasses+1)
	for i := range many {
		many[i] = filepath.Join(fmt.Sprint(i), "a.png")
	}
	_, _, err = folderClasses(many)
	requireLine(t, err, "there are 65537 folders, each a class: at most 65536")
}
