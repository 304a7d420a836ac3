package data

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"gantry.local/gan/sample"
)

// sourceOf is what a set's Load is the method of.
func sourceOf(t *testing.T, set Set) *Source {
	t.Helper()
	// A method value is a pointer to its code and its receiver.
	return *(**Source)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&set.Load)), unsafe.Sizeof(uintptr(0))))
}

// keptSets are sets of every kind that can be made without files of other packages.
func keptSets(t *testing.T) map[string]Set {
	t.Helper()
	dir := t.TempDir()
	table, text := filepath.Join(dir, "t.csv"), filepath.Join(dir, "t.txt")
	if err := os.WriteFile(table, []byte("a,b\n"+strings.Repeat("1,2\n3,5\n", 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(text, []byte("the cat sat\non the mat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mnist := MNIST()
	train, test := Split(mnist, 0.01, 3)
	return map[string]Set{
		"of": Of("mine", &sample.Images{Pixels: []byte{1, 2, 3, 4}, N: 4, Height: 1, Width: 1, Channels: 1}), "archive": MNISTTest(),
		"stacked": StackedMNIST(20), "ring": Ring8().Set(50, 1), "grid": Grid25().Set(50, 1), "roll": SwissRoll(50, 1),
		"moons": Moons(50, 1), "faces": Faces(FacesOptions{N: 4, Size: 16}), "sines": Sines(5, 0, 1), "phrases": Phrases(),
		"csv": CSV(table, CSVOptions{}), "text": Text(text, TextOptions{}), "folder": Folder(dir, FolderOptions{}), "shards": Shards(dir, FolderOptions{}),
		"train": train, "test": test, "thick": Thick(Subset(mnist, 5, 1)), "subset": Subset(mnist, 7, 1), "classes": OfClasses(mnist, 3, 1),
		"balanced": Balanced(mnist, 2, 1), "imbalanced": Imbalanced(mnist, []float64{0.01, 0, 0, 0, 0, 0, 0, 0, 0, 0.01}, 1),
	}
}

// TestKept wants a set of every kind to be made again from what a notebook keeps of it, of plain data alone, to be the
// same images, and the images that were loaded to be kept too, in the very memory.
func TestKept(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for name, set := range keptSets(t) {
		source := sourceOf(t, set)
		seen[reflect.TypeOf(source.from)] = true
		if !plain(reflect.ValueOf(source.from)) {
			t.Errorf("%s: %T is no plain data, so no notebook can keep it", name, source.from)
		}
		unloaded := restoredSource(t, source)
		want, err := set.Load()
		if name == "folder" || name == "shards" { // an empty one
			if _, again := unloaded.Load(); err == nil || again == nil || again.Error() != err.Error() {
				t.Errorf("%s: loading failed with %v, and kept with %v", name, err, again)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := unloaded.Load(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: a set that was kept before it was loaded gives other images, or %v", name, err)
		}
		if got, err := restoredSource(t, source).Load(); got != want || err != nil {
			t.Errorf("%s: the loaded images were made anew, or %v", name, err)
		}
	}
	for _, m := range makers() {
		if !seen[reflect.TypeOf(m)] {
			t.Errorf("no set of this test is made by %T", m)
		}
	}
}

func restoredSource(t *testing.T, source *Source) *Source {
	t.Helper()
	standIn, err := source.Kept()
	if err != nil {
		t.Fatal(err)
	}
	restored, err := standIn.(keptSource).Restored()
	if err != nil {
		t.Fatal(err)
	}
	return restored.(*Source)
}

// plain tells whether a value holds no function, channel or raw memory, but for the Load of sets, which is kept by its Source.
func plain(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Interface, reflect.Pointer:
		return v.IsNil() || plain(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Set]() {
			return true
		}
		for _, field := range v.Fields() {
			if !plain(field) {
				return false
			}
		}
	case reflect.Slice:
		return v.Len() == 0 || plain(v.Index(0))
	}
	return true
}

// TestKeptUnknown wants one line of a set that was made in a way that there is not any more.
func TestKeptUnknown(t *testing.T) {
	_, err := keptSource{Name: "old", From: &counting{}}.Restored()
	requireLine(t, err, "data set old", "make it anew")
}
