package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Split divides a set at random into two that have no sample in common: train, and test with testFraction of the
// samples, rounded, and never none.
func Split(set Set, testFraction float64, seed int64) (train, test Set) {
	name := fmt.Sprintf("%s split %g seed %d", set.Name, testFraction, seed)
	half := func(which string, cut func(order []int, tests int) []int) Set {
		return derived(set, name+" "+which, func(images *Images) ([]int, error) {
			tests := int(math.Round(testFraction * float64(images.N)))
			if !(testFraction > 0 && testFraction < 1) || images.N < 2 {
				return nil, fmt.Errorf("a test fraction of %g of %d samples leaves one half empty", testFraction, images.N)
			}
			return cut(shuffled(images.N, seed, 0), min(max(tests, 1), images.N-1)), nil
		})
	}
	train = half("train", func(order []int, tests int) []int { return order[tests:] })
	test = half("test", func(order []int, tests int) []int { return order[:tests] })
	return train, test
}

// Subset takes n samples of a set at random.
func Subset(set Set, n int, seed int64) Set {
	name := fmt.Sprintf("%s subset %d seed %d", set.Name, n, seed)
	return derived(set, name, func(images *Images) ([]int, error) {
		if n < 1 || n > images.N {
			return nil, fmt.Errorf("want %d of %d samples", n, images.N)
		}
		return shuffled(images.N, seed, 0)[:n], nil
	})
}

// OfClasses takes the samples of some classes alone. The classes are numbered anew, from 0 in the order given; their
// Names stay, or are the old numbers where there were no names.
func OfClasses(set Set, classes ...int) Set {
	name := set.Name + " classes " + joined(classes)
	return loadedOnce(name, func() (*Images, error) {
		images, members, err := loadClasses(set, name)
		if err != nil {
			return nil, err
		}
		var names []string
		renumbered := map[int32]int32{}
		var chosen []int
		for i, class := range classes {
			_, twice := renumbered[int32(class)]
			if class < 0 || class >= len(members) || twice {
				return nil, fmt.Errorf("%s: want different classes of 0 to %d", name, len(members)-1)
			}
			renumbered[int32(class)] = int32(i)
			chosen = append(chosen, members[class]...)
			names = append(names, className(images, class))
		}
		if len(chosen) == 0 {
			return nil, fmt.Errorf("%s: no samples", name)
		}
		part := images.pick(chosen)
		for i, label := range part.Labels {
			part.Labels[i] = renumbered[label]
		}
		part.Names = names
		return part, part.Check()
	})
}

// Balanced takes perClass samples of every class at random.
func Balanced(set Set, perClass int, seed int64) Set {
	name := fmt.Sprintf("%s balanced %d seed %d", set.Name, perClass, seed)
	return perClassOf(set, name, seed, func(images *Images, class, has int) (int, error) {
		if perClass < 1 || perClass > has {
			return 0, fmt.Errorf("want %d of the %d samples of class %s", perClass, has, className(images, class))
		}
		return perClass, nil
	})
}

// Imbalanced thins every class out at random: shares[c], 0 to 1, is how much of class c is kept, rounded.
func Imbalanced(set Set, shares []float64, seed int64) Set {
	name := fmt.Sprintf("%s imbalanced %s seed %d", set.Name, joined(shares), seed)
	return perClassOf(set, name, seed, func(images *Images, class, has int) (int, error) {
		if len(shares) != images.Classes() {
			return 0, fmt.Errorf("%d shares for %d classes", len(shares), images.Classes())
		}
		share := shares[class]
		if !(share >= 0 && share <= 1) {
			return 0, fmt.Errorf("a share of %g for class %s: want 0 to 1", share, className(images, class))
		}
		return int(math.Round(share * float64(has))), nil
	})
}

// perClassOf takes from every class as many samples, at random, as count says.
func perClassOf(set Set, name string, seed int64, count func(images *Images, class, has int) (int, error)) Set {
	return loadedOnce(name, func() (*Images, error) {
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
		part := images.pick(chosen)
		return part, part.Check()
	})
}

// derived makes a set of the samples of another that choose names.
func derived(set Set, name string, choose func(*Images) ([]int, error)) Set {
	return loadedOnce(name, func() (*Images, error) {
		images, err := set.Load()
		if err != nil {
			return nil, err
		}
		chosen, err := choose(images)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		part := images.pick(chosen)
		return part, part.Check()
	})
}

// loadClasses loads a set and returns the indices of each class.
func loadClasses(set Set, name string) (images *Images, members [][]int, err error) {
	if images, err = set.Load(); err != nil {
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

// pick returns a copy of some samples, in the order that they have in the set. All classes keep their names, or get
// their numbers for names, so that the copy has as many classes as the set.
func (im *Images) pick(chosen []int) *Images {
	slices.Sort(chosen)
	part := *im
	part.N = len(chosen)
	part.Pixels, part.Values, part.Labels = nil, nil, nil
	size := im.Height * im.Width * im.Channels
	if im.Values == nil {
		part.Pixels = make([]byte, 0, part.N*size)
	} else {
		part.Values = make([]float32, 0, part.N*size)
	}
	for _, i := range chosen {
		if im.Values == nil {
			part.Pixels = append(part.Pixels, im.Pixels[i*size:][:size]...)
		} else {
			part.Values = append(part.Values, im.Values[i*size:][:size]...)
		}
		if im.Labels != nil {
			part.Labels = append(part.Labels, im.Labels[i])
		}
	}
	for class := len(part.Names); class < im.Classes(); class++ {
		part.Names = append(part.Names, className(im, class))
	}
	return &part
}

func shuffled(n int, seed int64, stream int) []int {
	return rand.New(rand.NewPCG(uint64(seed), uint64(stream))).Perm(n)
}

func className(images *Images, class int) string {
	if images.Names != nil {
		return images.Names[class]
	}
	return strconv.Itoa(class)
}

func joined[T any](values []T) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", ","), "[]")
}
