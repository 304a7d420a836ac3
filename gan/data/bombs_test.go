package data

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	_ "image/gif" // registered, as in programs that draw plots, and still no format of a folder
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/gan/sample"
)

// loadEnv names the set that this test program loads in place of its tests, in a process whose memory can be measured.
const loadEnv = "GANTRY_TEST_LOAD"

// loaded is what such a process reports.
type loaded struct {
	N    int
	Err  string
	Heap uint64 // the largest that the heap was, in bytes
}

func TestMain(m *testing.M) {
	name := os.Getenv(loadEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	go func() { // so that a bomb that goes off takes this process alone
		for heapSize() < 3<<30 {
			time.Sleep(5 * time.Millisecond)
		}
		report(loaded{Err: "too much memory", Heap: heapSize()})
		os.Exit(1)
	}()
	var result loaded
	set, err := Named(name)
	if err == nil {
		var images *sample.Images
		if images, err = set.Load(); err == nil {
			result.N = images.N
		}
	}
	if err != nil {
		result.Err = err.Error()
	}
	result.Heap = heapSize()
	report(result)
}

func heapSize() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapSys - stats.HeapReleased
}

func report(result loaded) { json.NewEncoder(os.Stdout).Encode(result) }

// loadApart loads a set in a process of its own, with more variables in its environment.
func loadApart(t *testing.T, name string, env ...string) loaded {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), loadEnv+"="+name), env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	late := time.AfterFunc(5*time.Minute, func() { cmd.Process.Kill() }) // it hangs; a busy machine is slow
	defer late.Stop()
	err := cmd.Run()
	var result loaded
	if json.Unmarshal(said.Bytes(), &result) != nil {
		t.Fatalf("%.60s: %v: %.2000s", name, err, said.String())
	}
	return result
}

// chunk is one of a PNG file.
func chunk(kind string, content []byte) []byte {
	body := append([]byte(kind), content...)
	file := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	return binary.BigEndian.AppendUint32(append(file, body...), crc32.ChecksumIEEE(body))
}

// blackPNG is a whole PNG file of black, transparent where it can be, that is small however large the picture.
func blackPNG(t testing.TB, width, height int, depth, colour, interlace byte, pixelBits int) []byte {
	t.Helper()
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	var content bytes.Buffer
	w, _ := zlib.NewWriterLevel(&content, zlib.BestSpeed)
	row := make([]byte, 1+(width*pixelBits+7)/8)
	for range height {
		w.Write(row)
	}
	w.Close()
	file := []byte("\x89PNG\r\n\x1a\n")
	file = append(file, chunk("IHDR", append(header, depth, colour, 0, 0, interlace))...)
	if colour == 3 {
		file = append(file, chunk("PLTE", make([]byte, 3))...)
	}
	return append(append(file, chunk("IDAT", content.Bytes())...), chunk("IEND", nil)...)
}

// progressiveJPEG is the beginning of a progressive JPEG file, and scans that say nothing.
func progressiveJPEG(width, height uint16, components byte, scans int) []byte {
	size := []byte{8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), components}
	for i := range components {
		size = append(size, i+1, 0x11, 0)
	}
	file := append([]byte{0xff, 0xd8, 0xff, 0xc2, 0, byte(2 + len(size))}, size...)
	// One Huffman code of one bit for each table: of no difference (DC), and of a run of blocks without coefficients (AC).
	table := append(make([]byte, 16), 0)
	table[0] = 1
	file = append(append(file, 0xff, 0xc4, 0, 20, 0x00), table...)
	table[16] = 0xe0 // a run of 2¹⁴ and more
	file = append(append(file, 0xff, 0xc4, 0, 20, 0x10), table...)
	for scan := range scans {
		low, high := byte(1), byte(63)
		if scan == 0 {
			low, high = 0, 0
		}
		file = append(file, 0xff, 0xda, 0, 8, 1, 1, 0, low, high, 0)
		file = append(file, make([]byte, int(width)*int(height)/64/8+1)...)
	}
	return append(file, 0xff, 0xd9)
}

// sparse makes a file of so many zeros that take no room.
func sparse(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// written writes a file of one text many times.
func written(t *testing.T, path, head, again string, times int) {
	t.Helper()
	block := strings.Repeat(again, max(1, (1<<16)/len(again)))
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(file, head)
	for left := times * len(again); left > 0; left -= len(block) {
		io.WriteString(file, block[:min(left, len(block))])
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBombs loads what is small or endless and claims to be large, each in a process of its own, and wants one line, or
// the set, within a bounded heap.
func TestBombs(t *testing.T) {
	const mega = 1 << 20
	path := func(t *testing.T, name string) string { return filepath.Join(t.TempDir(), name) }
	folder := func(files map[string][]byte) func(*testing.T) string {
		return func(t *testing.T) string { return "folder:" + folderOf(t, files) + ",size=8" }
	}
	fifo := func(kind, name string) func(*testing.T) string {
		return func(t *testing.T) string {
			path := path(t, name)
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			if kind == "folder" {
				path = filepath.Dir(path)
			}
			return kind + ":" + path
		}
	}
	for name, c := range map[string]struct {
		set  func(t *testing.T) string
		n    int    // samples
		want string // or the error
		heap uint64 // in MB
	}{
		"a PNG of 16 bits": {func(t *testing.T) string {
			return folder(map[string][]byte{"a.png": blackPNG(t, 8192, 8192, 16, 6, 0, 64)})(t)
		}, 0, "make it smaller", 64},
		"many PNGs at the limit": {func(t *testing.T) string {
			files := map[string][]byte{}
			for i := range 3 {
				files[fmt.Sprint(i, ".png")] = blackPNG(t, 8192, 8192, 8, 6, 0, 32)
			}
			return folder(files)(t)
		}, 3, "", 800},
		"an interlaced PNG": {func(t *testing.T) string {
			return folder(map[string][]byte{"a.png": blackPNG(t, 8192, 8192, 8, 6, 1, 32)})(t)
		}, 0, "make it smaller", 64},
		"a PNG of a palette": {func(t *testing.T) string {
			return folder(map[string][]byte{"a.png": blackPNG(t, 8192, 8192, 1, 3, 0, 1)})(t)
		}, 1, "", 200},
		"a progressive JPEG": {folder(map[string][]byte{"a.jpg": progressiveJPEG(8000, 8000, 3, 1)}), 0, "make it smaller", 64},
		"many scans":         {folder(map[string][]byte{"a.jpg": progressiveJPEG(4000, 4000, 1, 2000)}), 0, "scans", 400},
		"few scans":          {folder(map[string][]byte{"a.jpg": progressiveJPEG(800, 800, 1, 9)}), 1, "", 64},
		"a GIF":              {folder(map[string][]byte{"a.png": []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00")}), 0, "not a PNG or JPEG picture", 64},
		"a narrow PNG": {func(t *testing.T) string {
			return "folder:" + folderOf(t, map[string][]byte{"a.png": blackPNG(t, 1, 16384, 8, 0, 0, 8)}) +
				",height=1,width=1024,stretch=true"
		}, 0, "make it smaller", 64},
		"a FIFO among pictures": {fifo("folder", "a.png"), 0, "no regular file", 64},
		"a device among pictures": {func(t *testing.T) string {
			path := path(t, "a.png")
			if err := os.Symlink("/dev/zero", path); err != nil {
				t.Fatal(err)
			}
			return "folder:" + filepath.Dir(path)
		}, 0, "no regular file", 64},
		"a FIFO for a folder": {fifo("folder-itself", "a"), 0, "", 64},
		"links in a circle": {func(t *testing.T) string {
			dir := folderOf(t, map[string][]byte{"a/b.png": pngOf(t, stripes(3, 3, red))})
			for _, link := range []string{"a/a", "a/c.png", "d"} {
				if err := os.Symlink(dir, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			return "folder:" + dir
		}, 0, "is a folder", 64},
		"a deep tree": {func(t *testing.T) string {
			dir := t.TempDir()
			if err := os.MkdirAll(dir+strings.Repeat("/d", 1500), 0o700); err != nil {
				t.Fatal(err)
			}
			return "folder:" + dir
		}, 0, "more than 100 deep", 64},
		"large samples": {func(t *testing.T) string {
			files, picture := map[string][]byte{}, pngOf(t, stripes(3, 3, red))
			for i := range 1500 {
				files[fmt.Sprint(i, ".png")] = picture
			}
			return "folder:" + folderOf(t, files) + ",size=1024"
		}, 0, "set Limit, or a smaller Size", 64},

		"a long line": {func(t *testing.T) string {
			path := path(t, "a.csv")
			written(t, path, "a,b\n", "1,", 1<<25)
			return "csv:" + path
		}, 0, "row 2 is longer than 1048576 bytes", 64},
		"a sparse CSV": {func(t *testing.T) string {
			path := path(t, "a.csv")
			sparse(t, path, 1<<40)
			return "csv:" + path
		}, 0, "row 1 is longer", 64},
		"a quote without an end": {func(t *testing.T) string {
			path := path(t, "a.csv")
			written(t, path, "a,b\n1,\"", "2\n3,", 1<<22)
			return "csv:" + path
		}, 0, "row 2 is longer", 64},
		"a row of commas": {func(t *testing.T) string {
			path := path(t, "a.csv")
			written(t, path, "", "a,", mega/2-2)
			return "csv:" + path + ",noheader=true"
		}, 0, "no column of numbers", 300},
		"a FIFO for a CSV":   {fifo("csv", "a.csv"), 0, "no regular file", 64},
		"a device for a CSV": {func(*testing.T) string { return "csv:/dev/zero" }, 0, "no regular file", 64},
		"a folder for a CSV": {func(t *testing.T) string { return "csv:" + t.TempDir() }, 0, "is a folder", 64},

		"a device for a text": {func(*testing.T) string { return "text:/dev/zero" }, 0, "no regular file", 64},
		"a FIFO for a text":   {fifo("text", "a.txt"), 0, "no regular file", 64},
		"a sparse text": {func(t *testing.T) string {
			path := path(t, "a.txt")
			sparse(t, path, 1<<40)
			return "text:" + path
		}, 0, "longer than 67108864 bytes", 200},
		"a text of short lines": {func(t *testing.T) string {
			path := path(t, "a.txt")
			written(t, path, "", "a\n", 1<<25)
			return "text:" + path
		}, 1 << 25, "", 1100},
		"a text of short words": {func(t *testing.T) string {
			path := path(t, "a.txt")
			written(t, path, "", "a ", 1<<25)
			return "text:" + path
		}, 1 << 22, "", 600},
		"samples as long as can be": {func(t *testing.T) string {
			path := path(t, "a.txt")
			written(t, path, "", "a\n", 9)
			return "text:" + path + ",length=9223372036854775807"
		}, 0, "set a smaller Length", 64},
	} {
		t.Run(name, func(t *testing.T) {
			set := c.set(t)
			if kind, rest, _ := strings.Cut(set, ":"); kind == "folder-itself" {
				set, c.want = "folder:"+rest, "is no folder"
			}
			got := loadApart(t, set)
			t.Logf("%d samples, %d MB: %s", got.N, got.Heap/mega, got.Err)
			if got.N != c.n || (c.want == "") != (got.Err == "") || !strings.Contains(got.Err, c.want) {
				t.Errorf("%d samples, error %.300q, want %d, %q", got.N, got.Err, c.n, c.want)
			}
			if strings.Contains(got.Err, "\n") || len(got.Err) > 600 {
				t.Errorf("the error has %d bytes: %.300q…", len(got.Err), got.Err)
			}
			if got.Heap > c.heap*mega {
				t.Errorf("the heap grew to %d MB, want at most %d", got.Heap/mega, c.heap)
			}
		})
	}
}

// TestArchiveBombs puts bombs in the place of MNIST's files.
func TestArchiveBombs(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"gzip": {func(t *testing.T, path string) {
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			w, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
			for range 512 {
				w.Write(make([]byte, 1<<20))
			}
			w.Close()
			file.Close()
		}, "is corrupt"},
		"sparse": {func(t *testing.T, path string) { sparse(t, path, 1<<40) }, "is corrupt"},
		"FIFO": {func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "no regular file"},
		"device": {func(t *testing.T, path string) {
			if err := os.Symlink("/dev/zero", path); err != nil {
				t.Fatal(err)
			}
		}, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(t, filepath.Join(dir, trainImageFile))
			got := loadApart(t, "mnist", "GANTRY_MNIST="+dir)
			t.Logf("%d MB: %s", got.Heap>>20, got.Err)
			if !strings.Contains(got.Err, c.want) || got.Heap > 200<<20 {
				t.Errorf("error %q in %d MB, want %q", got.Err, got.Heap>>20, c.want)
			}
		})
	}
}

// TestHugeNumbers wants one line for every option that is too large or too small.
func TestHugeNumbers(t *testing.T) {
	dir := folderOf(t, map[string][]byte{"p/a.png": pngOf(t, stripes(9, 9, red)), "a.csv": []byte("a,b\n1,2\n3,4\n"),
		"a.txt": []byte("abcd")})
	number := map[string]string{"huge": "9000000000000000000", "largest": "9223372036854775807", "least": "-9223372036854775808",
		"billion": "1000000000000"}
	for _, option := range []string{"ring,n=", "grid,n=", "swiss-roll,n=", "moons,n=", "sines,n=", "sines,length=",
		"sines,n=4294967296,length=", "stacked-mnist,n=", "faces,n=", "faces,size=", "faces,size=256,n=",
		"folder:" + dir + "/p,size=", "folder:" + dir + "/p,height=", "csv:" + dir + "/a.csv,window=",
		"text:" + dir + "/a.txt,length=", "text:" + dir + "/a.txt,windows=true,length="} {
		for _, value := range number {
			got := loadApart(t, option+value)
			if got.Err == "" || strings.Contains(got.Err, "\n") || got.Heap > 200<<20 {
				t.Errorf("%s%s: %d samples in %d MB, error %.300q", option, value, got.N, got.Heap>>20, got.Err)
			}
		}
	}
	// A large one of these leaves one window, or everything.
	for _, option := range []string{"csv:" + dir + "/a.csv,window=1,stride=", "text:" + dir + "/a.txt,length=2,windows=true,stride=",
		"folder:" + dir + "/p,limit=", "folder:" + dir + "/p,crop="} {
		for _, which := range []string{"huge", "largest", "billion"} {
			if got := loadApart(t, option+number[which]); got.N != 1 || got.Err != "" {
				t.Errorf("%s%s: %d samples, error %.300q", option, number[which], got.N, got.Err)
			}
		}
	}
	for _, name := range []string{"ring,n=9e18", "ring,n=NaN", "ring,n=", "ring,n=99999999999999999999999", "faces,size=1.5"} {
		_, err := Named(name)
		requireLine(t, err, strings.SplitN(name, ",", 2)[1])
	}
}
