package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gantry.local/gan/sample"
)

// Split divides a set at random into two that have no sample in common: train, and test with testFraction of the
// samples, rounded, and never none.
func Split(set Set, testFraction float64, seed int64) (train, test Set) {
	name := fmt.Sprintf("%s split %g seed %d", set.Name, testFraction, seed)
	of := func(which string, isTest bool) Set {
		return of(name+" "+which, half{of: set, fraction: testFraction, seed: seed, test: isTest})
	}
	return of("train", false), of("test", true)
}

// half makes one of the two sets of a Split.
type half struct {
	of       Set
	fraction float64 // of the test samples
	seed     int64
	test     bool
}

func (h half) make(name string) (*sample.Images, error) {
	images, err := h.of.Head()
	if err != nil {
		return nil, err
	}
	if !(h.fraction > 0 && h.fraction < 1) || images.N < 2 {
		return nil, fmt.Errorf("%s: a test fraction of %g of %d samples leaves one half empty", name, h.fraction, images.N)
	}
	tests := min(max(int(math.Round(h.fraction*float64(images.N))), 1), images.N-1)
	order := shuffled(images.N, h.seed, 0)
	if h.test {
		return pick(h.of, order[:tests])
	}
	return pick(h.of, order[tests:])
}

// Subset takes n samples of a set at random.
func Subset(set Set, n int, seed int64) Set {
	return of(fmt.Sprintf("%s subset %d seed %d", set.Name, n, seed), subset{of: set, n: n, seed: seed})
}

// subset makes a set of n samples of another.
type subset struct {
	of   Set
	n    int
	seed int64
}

func (s subset) make(name string) (*sample.Images, error) {
	images, err := s.of.Head()
	if err != nil {
		return nil, err
	}
	if s.n < 1 || s.n > images.N {
		return nil, fmt.Errorf("%s: want %d of %d samples", name, s.n, images.N)
	}
	return pick(s.of, shuffled(images.N, s.seed, 0)[:s.n])
}

// OfClasses takes the samples of some classes alone. The classes are numbered anew, from 0 in the order given; their
// Names stay, or are the old numbers where there were no names.
func OfClasses(set Set, classes ...int) Set {
	return of(set.Name+" classes "+joined(classes), ofClasses{of: set, classes: slices.Clone(classes)})
}

// ofClasses makes a set of some classes of another.
type ofClasses struct {
	of      Set
	classes []int
}

func (o ofClasses) make(name string) (*sample.Images, error) {
	images, members, err := loadClasses(o.of, name)
	if err != nil {
		return nil, err
	}
	var names []string
	renumbered := map[int32]int32{}
	var chosen []int
	for i, class := range o.classes {
		_, twice := renumbered[int32(class)]
		if class < 0 || class >= len(members) || twice {
			return nil, fmt.Errorf("%s: want different classes of 0 to %d", name, len(members)-1)
		}
		renumbered[int32(class)] = int32(i)
		chosen = append(chosen, members[class]...)
		names = append(names, images.ClassName(class))
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s: no samples", name)
	}
	part, err := pick(o.of, chosen)
	if err != nil {
		return nil, err
	}
	for i, label := range part.Labels {
		part.Labels[i] = renumbered[label]
	}
	part.Names = names
	return part, part.Check()
}

// Balanced takes perClass samples of every class at random.
func Balanced(set Set, perClass int, seed int64) Set {
	return of(fmt.Sprintf("%s balanced %d seed %d", set.Name, perClass, seed), balanced{of: set, perClass: perClass, seed: seed})
}

// balanced makes a set of as many samples of each class of another.
type balanced struct {
	of       Set
	perClass int
	seed     int64
}

func (b balanced) make(name string) (*sample.Images, error) {
	return perClassOf(b.of, name, b.seed, func(images *sample.Images, class, has int) (int, error) {
		if b.perClass < 1 || b.perClass > has {
			return 0, fmt.Errorf("want %d of the %d samples of class %s", b.perClass, has, images.ClassName(class))
		}
		return b.perClass, nil
	})
}

// Imbalanced thins every class out at random: shares[c], 0 to 1, is how much of class c is kept, rounded.
func Imbalanced(set Set, shares []float64, seed int64) Set {
	return of(fmt.Sprintf("%s imbalanced %s seed %d", set.Name, joined(shares), seed),
		imbalanced{of: set, shares: slices.Clone(shares), seed: seed})
}

// imbalanced makes a set of a share of each class of another.
type imbalanced struct {
	of     Set
	shares []float64
	seed   int64
}

func (m imbalanced) make(name string) (*sample.Images, error) {
	return perClassOf(m.of, name, m.seed, func(images *sample.Images, class, has int) (int, error) {
		if len(m.shares) != images.Classes() {
			return 0, fmt.Errorf("%d shares for %d classes", len(m.shares), images.Classes())
		}
		share := m.shares[class]
		if !(share >= 0 && share <= 1) {
			return 0, fmt.Errorf("a share of %g for class %s: want 0 to 1", share, images.ClassName(class))
		}
		return int(math.Round(share * float64(has))), nil
	})
}

// perClassOf takes from every class as many samples, at random, as count says.
func perClassOf(set Set, name string, seed int64, count func(images *sample.Images, class, has int) (int, error)) (*sample.Images, error) {
	images, members, err := loadClasses(set, name)
	if err != nil {
		return nil, err
	}
	var chosen []int
	for class, of := range members {
		n, err := count(images, class, len(of))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, i := range shuffled(len(of), seed, class)[:n] {
			chosen = append(chosen, of[i])
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s: no samples", name)
	}
	return pick(set, chosen)
}

// loadClasses returns what a set says of itself and the indices of each class.
func loadClasses(set Set, name string) (images *sample.Images, members [][]int, err error) {
	if images, err = set.Head(); err != nil {
		return nil, nil, err
	}
	if images.Labels == nil {
		return nil, nil, fmt.Errorf("%s: %s has no labels", name, set.Name)
	}
	members = make([][]int, images.Classes())
	for i, label := range images.Labels {
		members[label] = append(members[label], i)
	}
	return images, members, nil
}

// pick returns a copy of some samples of a set, in the order that they have in it, and checks it. Of a stream only these are
// read. All classes keep their names, or get their numbers for names, so that the copy has as many classes as the set.
func pick(set Set, chosen []int) (*sample.Images, error) {
	slices.Sort(chosen)
	images, err := set.Head()
	if err != nil {
		return nil, err
	}
	var part *sample.Images
	if stream, err := set.Stream(); err != nil {
		return nil, err
	} else if stream != nil {
		if part, err = stream.Rows(chosen); err != nil {
			return nil, err
		}
	} else {
		rows := images.Rows(chosen)
		part = &rows
	}
	for class := len(part.Names); class < images.Classes(); class++ {
		part.Names = append(part.Names, images.ClassName(class))
	}
	return part, part.Check()
}

func shuffled(n int, seed int64, stream int) []int {
	return rand.New(rand.NewPCG(uint64(seed), uint64(stream))).Perm(n)
}

func joined[T any](values []T) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", ","), "[]")
}
