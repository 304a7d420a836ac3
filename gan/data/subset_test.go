package data

import (
	"slices"
	"testing"

	"gantry.local/gan/sample"
)

// numbered is a set of n samples of one pixel, sample i with the pixel i and the label i modulo classes.
func numbered(n, classes int) Set {
	images := &sample.Images{N: n, Height: 1, Width: 1, Channels: 1}
	for i := range n {
		images.Pixels = append(images.Pixels, byte(i))
		if classes > 0 {
			images.Labels = append(images.Labels, int32(i%classes))
		}
	}
	return Of("numbered", images)
}

func TestSplit(t *testing.T) {
	train, test := Split(numbered(100, 3), 0.2, 1)
	if train.Name != "numbered split 0.2 seed 1 train" || test.Name != "numbered split 0.2 seed 1 test" {
		t.Errorf("called %q and %q", train.Name, test.Name)
	}
	one, other := load(t, train), load(t, test)
	if one.N != 80 || other.N != 20 {
		t.Errorf("%d and %d samples", one.N, other.N)
	}
	all := slices.Concat(one.Pixels, other.Pixels)
	slices.Sort(all)
	if whole := load(t, numbered(100, 3)); !slices.Equal(all, whole.Pixels) {
		t.Errorf("together they are %v", all)
	}
	for i, pixel := range other.Pixels {
		if other.Labels[i] != int32(pixel)%3 {
			t.Errorf("sample %d has the label %d", pixel, other.Labels[i])
		}
	}
	_, again := Split(numbered(100, 3), 0.2, 1)
	_, another := Split(numbered(100, 3), 0.2, 2)
	if !slices.Equal(other.Pixels, load(t, again).Pixels) || slices.Equal(other.Pixels, load(t, another).Pixels) {
		t.Error("the halves don't follow the seed")
	}
	train, test = Split(numbered(5, 0), 0.01, 1)
	if a, b := load(t, train), load(t, test); a.N != 4 || b.N != 1 || a.Labels != nil {
		t.Errorf("of five samples %d and %d, labels %v", a.N, b.N, a.Labels)
	}
}

func TestSubset(t *testing.T) {
	part := load(t, Subset(numbered(200, 0), 50, 4))
	if part.N != 50 || !slices.IsSorted(part.Pixels) || len(slices.Compact(slices.Clone(part.Pixels))) != 50 {
		t.Errorf("%d samples %v", part.N, part.Pixels)
	}
	if part.Pixels[49] < 150 {
		t.Errorf("the samples %v are not spread over the set", part.Pixels)
	}
	// Values, scales and names stay.
	whole := &sample.Images{N: 3, Height: 1, Width: 1, Channels: 1, Values: []float32{1, 2, 3}, Scales: []sample.Scale{scale("x", 0, 9)},
		Labels: []int32{0, 1, 0}, Names: []string{"a", "b", "c"}}
	values := load(t, Subset(Of("values", whole), 3, 0))
	if !slices.Equal(values.Values, whole.Values) || values.Scales[0].Name != "x" || values.Classes() != 3 {
		t.Errorf("all of the values became %+v", values)
	}
}

func TestOfClasses(t *testing.T) {
	set := OfClasses(numbered(20, 5), 4, 1)
	part := load(t, set)
	if want := []byte{1, 4, 6, 9, 11, 14, 16, 19}; !slices.Equal(part.Pixels, want) {
		t.Errorf("samples %v, want %v", part.Pixels, want)
	}
	if !slices.Equal(part.Labels, []int32{1, 0, 1, 0, 1, 0, 1, 0}) || !slices.Equal(part.Names, []string{"4", "1"}) {
		t.Errorf("labels %v of %q", part.Labels, part.Names)
	}
	if set.Name != "numbered classes 4,1" {
		t.Errorf("called %q", set.Name)
	}
	digits := load(t, OfClasses(MNISTTest(), 3))
	if digits.N != 1010 || !slices.Equal(digits.Names, []string{"3"}) || digits.Classes() != 1 {
		t.Errorf("%d threes called %q", digits.N, digits.Names)
	}
}

func TestBalanced(t *testing.T) {
	part := load(t, Balanced(numbered(100, 3), 7, 1))
	if got := histogram(part); !slices.Equal(got, []int{7, 7, 7}) {
		t.Errorf("samples per class %v", got)
	}
	if other := load(t, Balanced(numbered(100, 3), 7, 2)); slices.Equal(part.Pixels, other.Pixels) {
		t.Error("another seed takes the same samples")
	}
}

func TestImbalanced(t *testing.T) {
	set := Imbalanced(numbered(120, 4), []float64{1, 0.5, 0.1, 0}, 1)
	part := load(t, set)
	if got := histogram(part); !slices.Equal(got, []int{30, 15, 3, 0}) {
		t.Errorf("samples per class %v", got)
	}
	if set.Name != "numbered imbalanced 1,0.5,0.1,0 seed 1" {
		t.Errorf("called %q", set.Name)
	}
}

func TestSubsetErrors(t *testing.T) {
	set, unlabelled := numbered(10, 2), numbered(10, 0)
	none, _ := Split(set, 0, 1)
	whole, _ := Split(set, 1, 1)
	single, _ := Split(numbered(1, 0), 0.5, 1)
	for _, c := range []struct {
		set  Set
		want string
	}{
		{none, "a test fraction of 0 of 10 samples leaves one half empty"},
		{whole, "a test fraction of 1 of 10"},
		{single, "a test fraction of 0.5 of 1 samples"},
		{Subset(set, 11, 1), "want 11 of 10 samples"},
		{Subset(set, 0, 1), "want 0 of 10 samples"},
		{OfClasses(set, 2), "want different classes of 0 to 1"},
		{OfClasses(set, -1), "want different classes of 0 to 1"},
		{OfClasses(set, 1, 1), "want different classes of 0 to 1"},
		{OfClasses(set), "no samples"},
		{OfClasses(unlabelled, 0), "numbered has no labels"},
		{Balanced(set, 6, 1), "want 6 of the 5 samples of class 0"},
		{Balanced(set, 0, 1), "want 0 of the 5"},
		{Balanced(unlabelled, 1, 1), "numbered has no labels"},
		{Imbalanced(set, []float64{1}, 1), "1 shares for 2 classes"},
		{Imbalanced(set, []float64{1, 1.5}, 1), "a share of 1.5 for class 1: want 0 to 1"},
		{Imbalanced(set, []float64{0, 0}, 1), "no samples"},
		{Imbalanced(unlabelled, nil, 1), "numbered has no labels"},
		{Subset(Folder("no such folder", FolderOptions{}), 1, 1), "no such folder"},
		{Balanced(Folder("no such folder", FolderOptions{}), 1, 1), "no such folder"},
		{OfClasses(Folder("no such folder", FolderOptions{}), 1), "no such folder"},
	} {
		_, err := c.set.Load()
		requireLine(t, err, c.want)
	}
}
