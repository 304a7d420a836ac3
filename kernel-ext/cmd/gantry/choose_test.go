package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/gan/lint"
	"gantry.local/kernel-ext/lab"
)

// pictured encodes a picture of a size and colour model.
func pictured(t *testing.T, picture image.Image, asJPEG bool) string {
	t.Helper()
	var content bytes.Buffer
	err := png.Encode(&content, picture)
	if asJPEG {
		content.Reset()
		err = jpeg.Encode(&content, picture, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content.String()
}

// written writes files into a folder of the test.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// onlyData are the flags of a command that names its data and nothing else.
func onlyData(flag string) bool { return flag == "data" }

// TestDataAlone wants data without any option to be enough for an experiment that can be trained: pictures of mixed sizes and
// colour spaces, a table, a text in another alphabet.
func TestDataAlone(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	files := map[string]string{
		"p/gray.png": pictured(t, image.NewGray(image.Rect(0, 0, 9, 200)), false), "p/tiny.png": pictured(t, image.NewRGBA(image.Rect(0, 0, 1, 1)), false),
		"p/deep.png":    pictured(t, image.NewNRGBA64(image.Rect(0, 0, 40, 30)), false),
		"p/palette.png": pictured(t, image.NewPaletted(image.Rect(0, 0, 20, 20), color.Palette{color.White, color.Black}), false),
		"p/photo.jpg":   pictured(t, image.NewRGBA(image.Rect(0, 0, 500, 300)), true), "p/grey.jpg": pictured(t, image.NewGray(image.Rect(0, 0, 50, 50)), true),
		"t.csv": "x,y,name,z\n" + strings.Repeat("1,2,a,3\n4,5,b,7\n", 100), "t.txt": strings.Repeat("как дела\nхорошо\n", 300),
	}
	dir := written(t, files)
	for set, want := range map[string]struct{ recipe, data, said string }{
		"folder:" + dir + "/p":                         {"faces", ",size=32", "no recipe was named: faces"},
		"folder:" + dir + "/p,stream=true":             {"faces", ",size=32,stream=true", "another size is"},
		"csv:" + dir + "/t.csv":                        {"toy-r1r2", ",window=1", "each row is a point"},
		"text:" + dir + "/t.txt":                       {"phrases", ",length=8", "samples of 8 characters, 10 different ones"},
		"csv:" + dir + "/t.csv,window=8":               {"sines", ",window=8", "series"},
		"folder:" + dir + "/p,size=64,gray=true":       {"faces-64", ",gray=true", "faces-64"},
		"folder:" + dir + "/p,height=20,width=40":      {"", "", "images of 20×40 cannot be halved"},
		"folder:" + dir + "/p,size=2000":               {"", "", "height and width are 1 to 1024"},
		"text:" + dir + "/t.txt,length=8,windows=true": {"phrases", ",windows=true", "phrases"},
	} {
		o := trainOptions{steps: 1, out: "unused", Recipe: lab.Recipe{Name: "mlp", Data: set}}
		of, err := o.check(onlyData, false)
		if err == nil {
			if game, wrong := of.Game(); wrong != nil || game.DataName() != o.Data {
				t.Errorf("%s: the experiment's data is %s, %v", set, game.DataName(), wrong)
			}
		}
		if want.recipe == "" {
			if err == nil || !strings.Contains(err.Error(), want.said) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: error %v, want a line with %q", set, err, want.said)
			}
			continue
		}
		if err != nil || o.Name != want.recipe || !strings.HasSuffix(o.Data, want.data) || !strings.Contains(o.why, want.said) ||
			strings.Contains(o.why, "\n") {
			t.Errorf("%s: recipe %s on %s, %v; said %q", set, o.Name, o.Data, err, o.why)
		}
	}
}

// TestBadDataAlone wants one line about data that cannot be trained on, before there is a run.
func TestBadDataAlone(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	whole := pictured(t, image.NewRGBA(image.Rect(0, 0, 30, 30)), false)
	dir := written(t, map[string]string{
		"broken/a.png": whole, "broken/b.png": whole[:len(whole)-20], "empty/a.png": whole, "empty/b.jpg": "", "few/a.png": whole, "none/a.txt": "x",
		"huge/a.png": pictured(t, image.NewGray(image.Rect(0, 0, 1<<14+1, 1)), false),
		"gaps.csv":   "a,b,c\n1,2,3\n4,,6\n", "words.csv": "a,b\nx,y\n", "one.txt": "a single line\n", "latin1.txt": "caf\xe9\n",
	})
	for set, want := range map[string]string{
		"folder:" + dir + "/broken":           "b.png: damaged picture",
		"folder:" + dir + "/empty":            "b.jpg: not a PNG or JPEG picture",
		"folder:" + dir + "/huge":             "a.png: a picture of 1×16385 pixels",
		"folder:" + dir + "/none":             "no PNG or JPEG picture in it",
		"folder:" + dir + "/few":              "and folder:" + dir + "/few,size=32 has 1",
		"folder:" + dir + "/few,stream=true":  "has 1",
		"folder:" + dir + "/huge,stream=true": "a.png: a picture of 1×16385 pixels",
		"csv:" + dir + "/gaps.csv":            `line 3, column "b": "" is not a finite number`,
		"csv:" + dir + "/words.csv":           "no column of numbers",
		"text:" + dir + "/one.txt":            "has 1",
		"text:" + dir + "/latin1.txt":         "not UTF-8",
		"text:" + dir + "/gone.txt":           "no such file",
	} {
		o := trainOptions{steps: 1, out: filepath.Join(dir, "run"), Recipe: lab.Recipe{Name: "mlp", Data: set}}
		of, err := o.check(onlyData, false)
		if err == nil {
			err = possible(of, lint.CheckOf(of))
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want a line with %q", set, err, want)
		}
		if _, err := os.Stat(o.out); err == nil {
			t.Errorf("%s left a run folder", set)
		}
	}
}
