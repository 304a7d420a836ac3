package recipe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
)

// signature is that of what a recipe describes, on a set that is described.
func signature(t *testing.T, of method.Description, on lint.DataShape) lint.Signature {
	t.Helper()
	s, err := lint.SignatureOf(of, []lint.DataShape{on})
	if err != nil {
		t.Fatalf("on %s: %v", on, err)
	}
	return s
}

// TestSizes wants the networks that a recipe is given for samples like its own to be its own ones, and every recipe to take
// samples of other sizes of their kind and to refuse those of another kind in a line.
func TestSizes(t *testing.T) {
	other := map[string][]lint.DataShape{
		"pictures": {{Name: "small", N: 9000, Height: 32, Width: 32, Depth: 3, Labels: true, Classes: 7},
			{Name: "large", N: 9000, Height: 64, Width: 64, Depth: 1, Labels: true, Classes: 2}},
		"points": {{Name: "three", N: 9000, Height: 1, Width: 1, Depth: 3}, {Name: "many", N: 9000, Height: 1, Width: 1, Depth: 40}},
		"series": {{Name: "two", N: 9000, Height: 64, Width: 1, Depth: 2}},
		"texts":  {{Name: "words", N: 9000, Height: 21, Width: 1, Depth: 77, Alphabet: true}},
	}
	for _, r := range recipe.All() {
		of := installed(t, r.Make())
		game, err := of.Game()
		if err != nil {
			t.Fatal(err)
		}
		if len(game.Data) > 1 {
			continue
		}
		like, err := game.Data[0].Head()
		if err != nil {
			t.Fatal(err)
		}
		own := lint.ShapeOf(game.Data[0].Name, like)
		sized, err := recipe.Size(of, like)
		if err != nil {
			t.Fatal(err)
		}
		if differences := signature(t, sized, own).Differences(signature(t, of, own)); len(differences) > 0 {
			t.Errorf("%s: of its own size its networks are others: %v", r.Name, differences)
		}
		for kind, shapes := range other {
			for _, shape := range shapes {
				sized, err := recipe.Size(r.Make(), shape.Head())
				_, can := sized.(gan.Experiment)
				switch {
				case !can: // another game keeps its networks
				case err == nil:
					signature(t, sized, shape)
				case strings.Contains(err.Error(), "makes "+kind) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "use recipe"):
					t.Errorf("%s on %s: %v", r.Name, shape, err)
				}
			}
		}
	}
}

// TestSizesRefused wants a line about samples of a size that no network of the recipe can have.
func TestSizesRefused(t *testing.T) {
	for name, c := range map[string]struct {
		shape lint.DataShape
		want  string
	}{
		"dcgan": {lint.DataShape{N: 100, Height: 50, Width: 50, Depth: 3}, "images of 50×50 cannot be halved evenly"},
		"faces": {lint.DataShape{N: 100, Height: 32, Width: 48, Depth: 3}, "images of 32×48"},
		"cgan":  {lint.DataShape{N: 100, Height: 32, Width: 32, Depth: 3}, "a folder for each class"},
		"sines": {lint.DataShape{N: 100, Height: 30, Width: 1, Depth: 1}, "multiple of 4"},
	} {
		of, err := recipe.Named(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := recipe.Size(of, c.shape.Head()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s on %s: error %v, want one with %q", name, c.shape, err, c.want)
		}
	}
}

// TestChoose wants a recipe for each kind of data, and what the data's name leaves open.
func TestChoose(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := file("t.txt", "γειά σου\nκόσμε\n")
	long := file("long.txt", strings.Repeat("слово ", 50))
	var many strings.Builder
	for r := '一'; r < '一'+300; r++ {
		many.WriteRune(r)
	}
	rare := file("rare.txt", many.String())
	for _, c := range []struct{ name, set, recipe, data, why string }{
		{"", "folder:p", "faces", "folder:p,size=32", "faces, for pictures"},
		{"", "folder:p,size=64", "faces-64", "folder:p,size=64", "faces-64"},
		{"", "shards:p,limit=9", "faces", "shards:p,size=32,limit=9", "32×32"},
		{"dcgan", "folder:p", "dcgan", "folder:p,size=32", "32×32"},
		{"faces-64", "folder:p", "faces-64", "folder:p,size=64", "64×64"},
		{"dcgan", "folder:p,height=64", "dcgan", "folder:p,height=64", ""},
		{"", "csv:x.csv", "toy-r1r2", "csv:x.csv,window=1", "rows of numbers"},
		{"toy", "csv:x.csv,columns=a", "toy", "csv:x.csv,window=1,columns=a", "each row is a point"},
		{"", "csv:x.csv,window=24", "sines", "csv:x.csv,window=24", "series"},
		{"sines", "csv:x.csv", "sines", "csv:x.csv", ""},
		{"", "text:" + text, "phrases", "text:" + text + ",length=8", "samples of 8 characters, 11 different ones"},
		{"", "text:" + long, "phrases", "text:" + long + ",length=64", "the longest line has 299"},
		{"", "text:" + rare, "phrases", "text:" + rare + ",length=64,rare=true", "the rarest become □"},
		{"phrases", "text:" + text + ",length=5", "phrases", "text:" + text + ",length=5", ""},
		{"", "ring", "toy-r1r2", "ring", "points of 2 numbers"},
		{"", "phrases", "phrases", "phrases", "texts of 16 characters"},
		{"", "mnist", "mlp", "mnist", "pictures of 28×28×1"},
		{"", "sines,length=16", "sines", "sines,length=16", "series of 16 steps"},
	} {
		got, err := recipe.Choose(c.name, c.set)
		if err != nil || got.Recipe != c.recipe || got.Data != c.data || !strings.Contains(got.Why, c.why) || c.why == "" && got.Why != "" {
			t.Errorf("Choose(%q, %q) is %+v, %v; want %s on %s, because of %q", c.name, c.set, got, err, c.recipe, c.data, c.why)
		}
	}
	for set, want := range map[string]string{"text:" + dir + "/gone": "no such file", "text:" + file("empty", " \n"): "no characters", "cifar": "unknown data set"} {
		if _, err := recipe.Choose("", set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Choose of %q: error %v, want one with %q", set, err, want)
		}
	}
}

// TestOn trains a recipe on data of another size.
func TestOn(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "three.csv")
	if err := os.WriteFile(path, []byte("a,b,c\n"+strings.Repeat("1,2,3\n2,5,1\n0,1,7\n", 60)), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := data.Named("csv:" + path + ",window=1")
	if err != nil {
		t.Fatal(err)
	}
	exp, err := recipe.On("toy-r1r2", set)
	if err != nil {
		t.Fatal(err)
	}
	try(t, gantest.Go(t), exp)
}
