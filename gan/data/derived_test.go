package data

import (
	"strings"
	"testing"
)

// TestDerived wants each set that is made of another found by the name that it gives itself, and a set of such a set too.
func TestDerived(t *testing.T) {
	set := func(s Set, _ Set) Set { return s }
	_, test := Split(MNIST(), 0.25, -2)
	for _, want := range []Set{Subset(MNIST(), 600, 1), Balanced(MNIST(), 10, -3), OfClasses(MNIST(), 3, 5), Imbalanced(MNIST(), []float64{1, 0.5, 1e-05}, 4),
		set(Split(MNIST(), 0.25, -2)), test, Subset(OfClasses(Ring8().Set(400, 1), 1, 2), 7, 1), Thick(test)} {
		found, err := Named(want.Name)
		if err != nil || found.Name != want.Name {
			t.Errorf("%q is %q, %v", want.Name, found.Name, err)
		}
	}
	found, err := Named("ring,n=400 classes 3,5")
	if err != nil {
		t.Fatal(err)
	}
	images, err := found.Load()
	if err != nil || images.Classes() != 2 {
		t.Errorf("two classes of a ring are %+v, %v", images, err)
	}
	for name, want := range map[string]string{"cifar subset 5 seed 1": `unknown data set "cifar"`, "mnist subset 5": `unknown data set "mnist subset 5"`,
		"mnist classes ,": `unknown data set`, "mnist subset 99999999999999999999 seed 1": "unknown data set"} {
		if _, err := Named(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}
