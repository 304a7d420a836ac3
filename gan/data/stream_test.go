package data

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/sample"
)

// album20 writes 20 pictures of two classes, of several sizes and formats, no two alike, and returns their folder.
func album20(t testing.TB) string {
	files := map[string][]byte{}
	for i := range 20 {
		shade := color.RGBA{uint8(12 * i), uint8(255 - 9*i), uint8(3 * i), 255}
		picture := stripes(5+i, 8+2*i, shade, blue, color.Gray{uint8(10 * i)})
		if i%3 == 0 {
			files[fmt.Sprintf("%c/%02d.jpg", 'a'+i%2, i)] = jpegOf(t, picture)
		} else {
			files[fmt.Sprintf("%c/%02d.png", 'a'+i%2, i)] = pngOf(t, picture)
		}
	}
	return folderOf(t, files)
}

// openedAs opens a set as a stream.
func openedAs(t testing.TB, set Set) *Stream {
	t.Helper()
	stream, err := set.Open()
	if err != nil || stream == nil {
		t.Fatalf("%s opens as stream %v, %v", set.Name, stream, err)
	}
	return stream
}

// requireStream wants the stream of a set to be the images of another, read in any order.
func requireStream(t testing.TB, set Set, want *sample.Images) {
	t.Helper()
	stream := openedAs(t, set)
	head, err := set.Head()
	if err != nil || head.Pixels != nil || head.N != want.N || head.Size() != want.Size() || !slices.Equal(head.Labels, want.Labels) ||
		!slices.Equal(head.Names, want.Names) {
		t.Fatalf("the head is %+v, %v", head, err)
	}
	places := []int{13, 2, 19, 0, 2}
	rows := want.Rows(places)
	if got, err := stream.Rows(places); err != nil || !bytes.Equal(got.Pixels, rows.Pixels) || !slices.Equal(got.Labels, rows.Labels) {
		t.Errorf("the samples %v are others than when the set is loaded, %v", places, err)
	}
	if got, err := stream.Some(100); err != nil || !bytes.Equal(got.Pixels, want.Pixels) {
		t.Errorf("all samples are others than when the set is loaded, %v", err)
	}
}

// TestStream wants a stream's samples to be those of the loaded set, from their files and from where they were kept.
func TestStream(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := album20(t)
	options := FolderOptions{Size: 8, Stream: true}
	want := load(t, Folder(dir, FolderOptions{Size: 8}))
	if set := Folder(dir, FolderOptions{Size: 8}); set.Open != nil {
		if stream, err := set.Open(); stream != nil || err != nil {
			t.Errorf("a small folder is a stream, or %v", err)
		}
	}
	set := Folder(dir, options)
	if set.Name != "folder:"+dir+",size=8,stream=true" {
		t.Errorf("the set is called %s", set.Name)
	}
	requireStream(t, set, want)
	requireStream(t, Folder(dir, options), want) // from the cache
	requireStream(t, Folder(dir, FolderOptions{Size: 8, Stream: true}), load(t, set))

	some, err := Subset(set, 5, 1).Load()
	if whole, _ := Subset(Folder(dir, FolderOptions{Size: 8}), 5, 1).Load(); err != nil || !bytes.Equal(some.Pixels, whole.Pixels) {
		t.Errorf("a subset of a stream has other samples, %v", err)
	}
}

// TestStreamOfMuch wants a set to be a stream by itself from a quarter of the memory on.
func TestStreamOfMuch(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := album20(t) // 20·64·64·3 bytes, 240 KiB
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(900 << 10))
	openedAs(t, Folder(dir, FolderOptions{}))
	debug.SetMemoryLimit(1000 << 10)
	if stream, err := Folder(dir, FolderOptions{}).Open(); stream != nil || err != nil {
		t.Errorf("a folder of a quarter of the memory is a stream, or %v", err)
	}
}

// TestDecoded wants a picture to be decoded once, and again where it was changed or what was kept of it is damaged.
func TestDecoded(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	dir := album20(t)
	options := FolderOptions{Size: 8, Stream: true}
	want := load(t, Folder(dir, FolderOptions{Size: 8}))
	requireStream(t, Folder(dir, options), want)
	kept, err := filepath.Glob(filepath.Join(cache, "gantry", "data", "*"+decodedEnding))
	if err != nil || len(kept) != 1 || sizeOf(t, kept[0]) != 20*(8*8*3+trailer) {
		t.Fatalf("%q are kept, %v", kept, err)
	}
	if info, err := os.Stat(kept[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is of mode %v, %v", info.Mode(), err)
	}

	// Behind its size and date a picture is not looked at.
	first := filepath.Join(dir, "a", "00.jpg")
	content, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(first, make([]byte, len(content)), 0o600), os.Chtimes(first, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	requireStream(t, Folder(dir, options), want)
	now := info.ModTime().Add(time.Second)
	if err := os.Chtimes(first, now, now); err != nil {
		t.Fatal(err)
	}
	_, err = openedAs(t, Folder(dir, options)).Rows([]int{0})
	requireLine(t, err, "a/00.jpg: not a PNG or JPEG picture", "00 00")
	if err := os.WriteFile(first, content, 0o600); err != nil {
		t.Fatal(err)
	}

	whole, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	for what, damaged := range map[string][]byte{"empty": nil, "cut": whole[:len(whole)/2], "of zeros": make([]byte, len(whole)),
		"flipped": append(bytes.Clone(whole[:100]), append([]byte{whole[100] ^ 1}, whole[101:]...)...)} {
		if err := os.WriteFile(kept[0], damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		requireStream(t, Folder(dir, options), want)
		if t.Failed() {
			t.Fatalf("with a file that is %s", what)
		}
	}
	// A link is not followed, and where nothing can be kept all goes on.
	if err := os.Remove(kept[0]); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.WriteFile(victim, nil, 0o600), os.Symlink(victim, kept[0])); err != nil {
		t.Fatal(err)
	}
	requireStream(t, Folder(dir, options), want)
	if sizeOf(t, victim) != 0 {
		t.Error("a link was followed")
	}
	t.Setenv("XDG_CACHE_HOME", victim)
	requireStream(t, Folder(dir, options), want)
}

// TestPruneDecoded wants the files that were used longest ago to go, as many as must.
func TestPruneDecoded(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"old.pictures", "mine.pictures", "new.pictures", "other.idx"} {
		path := filepath.Join(dir, name)
		at := time.Unix(int64(1000*(i+1)), 0)
		if err := errors.Join(os.WriteFile(path, make([]byte, 100), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		most int64
		want int
	}{{200, 4}, {150, 3}, {100, 3}, {0, 2}} {
		if err := pruneDecoded(dir, "mine.pictures", step.most); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != step.want {
			t.Errorf("with room for %d bytes %d files are left, want %d", step.most, len(left), step.want)
		}
	}
}

// TestBrokenPictures wants each way in which a picture can be broken to be a line that names it, and the others to be read.
func TestBrokenPictures(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	whole := pngOf(t, stripes(20, 20, red, blue))
	for what, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":       {nil, "not a PNG or JPEG picture"},
		"of text":     {[]byte("<html>404</html>"), "it begins with 3c 68"},
		"cut":         {whole[:len(whole)-30], "damaged picture"},
		"cut early":   {whole[:12], "not a PNG or JPEG picture"},
		"of one side": {pngOf(t, stripes(1<<14+1, 1, red)), "make it smaller"},
	} {
		dir := folderOf(t, map[string][]byte{"a.png": whole, "b.png": c.content, "c.png": pngOf(t, stripes(1, 1, green))})
		stream := openedAs(t, Folder(dir, FolderOptions{Size: 8, Stream: true}))
		_, err := stream.Rows([]int{0, 1, 2})
		requireLine(t, err, "b.png", c.want)
		if t.Failed() {
			t.Fatalf("with a picture that is %s", what)
		}
		if _, err := stream.Rows([]int{0, 2}); err != nil {
			t.Errorf("beside a picture that is %s: %v", what, err)
		}
		if _, err := Folder(dir, FolderOptions{Size: 8}).Load(); err == nil || !strings.Contains(err.Error(), "b.png") {
			t.Errorf("loaded with a picture that is %s: %v", what, err)
		}
	}
	dir := folderOf(t, map[string][]byte{"a.png": whole})
	stream := openedAs(t, Folder(dir, FolderOptions{Stream: true}))
	if err := os.Remove(filepath.Join(dir, "a.png")); err != nil {
		t.Fatal(err)
	}
	_, err := stream.Rows([]int{0})
	requireLine(t, err, "a.png", "no such file")
}

// tarOf writes a tar file of names and contents in turn.
func tarOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	for pair := range slices.Chunk(parts, 2) {
		err := w.WriteHeader(&tar.Header{Name: pair[0], Size: int64(len(pair[1])), Mode: 0o600, ModTime: time.Unix(1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pair[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// TestShards wants the pictures of tar files, loaded and as a stream, to be those of a folder.
func TestShards(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := album20(t)
	want := load(t, Folder(dir, FolderOptions{Size: 8}))
	paths, err := pictures(dir, maxFiles)
	if err != nil {
		t.Fatal(err)
	}
	var parts [2][]string
	for i, path := range paths {
		content, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("set/%04d", i)
		parts[i/12] = append(parts[i/12], key+filepath.Ext(path), string(content), key+".json", "{}", key+".cls", fmt.Sprintln(want.Labels[i]))
	}
	shards := folderOf(t, map[string][]byte{"train-000.tar": tarOf(t, parts[0]...), "train-001.tar": tarOf(t, parts[1]...), "readme.txt": nil})
	set := Shards(shards, FolderOptions{Size: 8})
	got := load(t, set)
	if !bytes.Equal(got.Pixels, want.Pixels) || !slices.Equal(got.Labels, want.Labels) || got.Classes() != 2 {
		t.Error("the pictures of shards are others than those of the folder")
	}
	requireStream(t, Shards(shards, FolderOptions{Size: 8, Stream: true}), got)
	if named, err := Named("shards:" + filepath.Join(shards, "train-001.tar") + ",size=8"); err != nil || load(t, named).N != 8 {
		t.Errorf("one shard by its name: %v", err)
	}
}

// TestBadShards wants a line about each way in which shards can be wrong.
func TestBadShards(t *testing.T) {
	picture := string(pngOf(t, stripes(4, 4, red)))
	whole := tarOf(t, "0.png", picture, "1.png", picture)
	for what, c := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"none":         {map[string][]byte{"a.txt": nil}, []string{"no .tar file"}},
		"empty":        {map[string][]byte{"a.tar": nil}, []string{"a.tar", "empty"}},
		"no pictures":  {map[string][]byte{"a.tar": tarOf(t, "0.txt", "x")}, []string{"no PNG or JPEG"}},
		"no tar":       {map[string][]byte{"a.tar": []byte(strings.Repeat("no tar file ", 99))}, []string{"a.tar", "damaged, or no plain tar"}},
		"cut":          {map[string][]byte{"a.tar": whole[:512+40]}, []string{"a.tar", "ends within 0.png"}},
		"a class":      {map[string][]byte{"a.tar": tarOf(t, "0.png", picture, "0.cls", "cat")}, []string{"0.cls", `"cat"`, "whole number"}},
		"some classes": {map[string][]byte{"a.tar": tarOf(t, "0.png", picture, "0.cls", "1", "1.png", picture)}, []string{"1.png has no .cls"}},
		"a picture":    {map[string][]byte{"a.tar": tarOf(t, "0.png", "nothing")}, []string{"a.tar 0.png", "not a PNG"}},
	} {
		_, err := Shards(folderOf(t, c.files), FolderOptions{}).Load()
		requireLine(t, err, c.want...)
		if t.Failed() {
			t.Fatalf("shards with: %s", what)
		}
	}
}

// TestGroupLimit wants the least limit of a process's control groups, of both versions.
func TestGroupLimit(t *testing.T) {
	root := folderOf(t, map[string][]byte{
		"memory/a/memory.limit_in_bytes": []byte("9223372036854771712\n"), "memory/memory.limit_in_bytes": []byte("700\n"),
		"b/c/memory.max": []byte("max\n"), "b/memory.max": []byte("500\n"),
		"first": []byte("4:memory:/a\n3:cpu:/x\n"), "second": []byte("0::/b/c\n"), "both": []byte("4:memory:/a\n0::/b\n"), "none": []byte("0::/z\n"),
	})
	for name, want := range map[string]int64{"first": 700, "second": 500, "both": 500, "none": 1<<63 - 1, "gone": 1<<63 - 1} {
		if got := groupLimit(root, filepath.Join(root, name)); got != want {
			t.Errorf("%s: the limit is %d, want %d", name, got, want)
		}
	}
}
