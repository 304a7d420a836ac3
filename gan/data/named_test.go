package data

import (
	"image/color"
	"strings"
	"testing"
)

// TestNamed wants every name that Names lists, and each of the names that sets give themselves, to find the set again.
func TestNamed(t *testing.T) {
	for _, name := range Names() {
		name = strings.Replace(name, "PATH", "some/where", 1)
		if set, err := Named(name); err != nil || set.Name != name || set.Load == nil {
			t.Errorf("%s: found %q, error %v", name, set.Name, err)
		}
	}
	for _, set := range []Set{
		MNIST(), MNISTTest(), FashionMNIST(), FashionMNISTTest(), StackedMNIST(0), StackedMNIST(12), Ring8().Set(0, 0),
		Ring8().Set(10, -3), Grid25().Set(7, 0), SwissRoll(0, 9), Moons(8, 1), Sines(3, 20, 1), Phrases(),
		Faces(FacesOptions{}), Faces(FacesOptions{N: 3, Size: 16, Gray: true, Seed: 4}),
		Folder("a b/c", FolderOptions{}), Folder("x", FolderOptions{Height: 3, Width: 4, Crop: 8, Limit: 2}),
		CSV("x.csv", CSVOptions{Window: 8, Columns: []string{"open", "last close"}, NoHeader: true}),
		Text("/a/x.txt", TextOptions{Length: 8, Windows: true, Stride: 3}),
	} {
		if found, err := Named(set.Name); err != nil || found.Name != set.Name {
			t.Errorf("%s: found %q, error %v", set.Name, found.Name, err)
		}
	}
}

// TestNamedOptions wants the options of a name to reach the set.
func TestNamedOptions(t *testing.T) {
	dir := folderOf(t, map[string][]byte{"a.png": pngOf(t, stripes(9, 9, color.Gray{100})), "x.csv": []byte("a,b\n1,2\n3,4\n"),
		"x.txt": []byte("abcd")})
	for name, want := range map[string][4]int{
		"ring,n=10": {10, 1, 1, 2}, "faces,n=2,size=16,gray=true": {2, 16, 16, 1}, "sines,n=3,length=20": {3, 20, 1, 1},
		"folder:" + dir + ",size=6,gray=1":             {1, 6, 6, 1},
		"folder:" + dir + ",height=6,width=4":          {1, 6, 4, 3},
		"csv:" + dir + "/x.csv,window=1,columns=b":     {2, 1, 1, 1},
		"csv:" + dir + "/x.csv,window=2":               {1, 2, 1, 2},
		"text:" + dir + "/x.txt,length=2,windows=true": {3, 2, 1, 1},
		"phrases": {len(phrases{}.list()), 16, 1, 1},
		"moons":   {100_000, 1, 1, 2},
		"csv:" + dir + "/x.csv,window=1,columns=b,columns=a": {2, 1, 1, 2},
	} {
		set, err := Named(name)
		if err != nil {
			t.Error(err)
			continue
		}
		images := load(t, set)
		if got := [4]int{images.N, images.Height, images.Width, images.Channels}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	one, err := Named("moons,n=50,seed=8")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := load(t, one), load(t, Moons(50, 8)); got.Values[7] != want.Values[7] {
		t.Errorf("moons by name are %v", got.Values)
	}
}

func TestNamedErrors(t *testing.T) {
	for name, want := range map[string][]string{
		"cifar":            append([]string{`unknown data set "cifar": use one of `}, Names()...),
		"":                 {`unknown data set ""`, "folder:PATH"},
		"mnist:x":          {`unknown data set "mnist:x"`},
		"folder":           {`unknown data set "folder"`, "folder:PATH"},
		"csv:":             {"lacks its path: use csv:PATH"},
		"ring,m=3":         {`data set "ring,m=3": unknown option "m": use n, seed`},
		"ring,n=many":      {`option "n=many": want n=NUMBER`},
		"ring,n":           {`option "n": want n=NUMBER`},
		"faces,gray=maybe": {`option "gray=maybe": want gray=true or gray=false`},
		"mnist,n=3":        {`unknown option "n": use the name alone`},
		"folder:x,N=3":     {`unknown option "N": use size, height, width, gray, crop, stretch, limit`},
	} {
		_, err := Named(name)
		requireLine(t, err, want...)
	}
}

// FuzzNamed wants an error of one line, or a set whose name finds it again. Nothing is loaded.
func FuzzNamed(f *testing.F) {
	for _, name := range Names() {
		f.Add(name)
	}
	f.Add("ring,n=9000000000000000000,seed=-1")
	f.Add("faces,size=16,gray=T,n=+3")
	f.Add("csv:a.csv,columns=a,columns=,window=0x10")
	f.Add("folder:,,=")
	f.Fuzz(func(t *testing.T, name string) {
		set, err := Named(name)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: the error has several lines: %v", name, err)
			}
			return
		}
		if again, err := Named(set.Name); err != nil || again.Name != set.Name {
			t.Errorf("%q is called %q, which finds %q, %v", name, set.Name, again.Name, err)
		}
	})
}
