package data

import (
	"fmt"
	"strings"
)

// Named returns the set called name, or an error that lists the names there are. A name may go on with options, as the
// names of the sets themselves do: "ring,n=500,seed=3", "folder:faces,size=32,gray=true". So the name in a checkpoint
// is enough to find its data again, unless a path in it has a comma. A set that is made of another is found by its name too:
// "mnist classes 3,5", "mnist imbalanced 1,0.1,1 seed 1".
func Named(name string) (Set, error) {
	if set, is, err := derived(name); is {
		return set, err
	}
	kind, options, _ := strings.Cut(name, ",")
	kind, path, hasPath := strings.Cut(kind, ":")
	for _, known := range kinds() {
		word, _, wantsPath := strings.Cut(known.name, ":")
		if kind != word || hasPath != wantsPath {
			continue
		}
		if wantsPath && path == "" {
			return Set{}, fmt.Errorf("data set %q lacks its path: use %s", name, known.name)
		}
		set, err := known.make(path, options)
		if err != nil {
			return Set{}, fmt.Errorf("data set %q: %w", name, err)
		}
		return set, nil
	}
	return Set{}, fmt.Errorf("unknown data set %q: use one of %s", name, strings.Join(Names(), ", "))
}

// Parts takes the name of a set apart: the kind, the path where the kind has one, and its options.
func Parts(name string) (kind, path string, options map[string]string) {
	kind, rest, _ := strings.Cut(name, ",")
	kind, path, _ = strings.Cut(kind, ":")
	options = map[string]string{}
	for option := range strings.SplitSeq(rest, ",") {
		if key, value, is := strings.Cut(option, "="); is {
			options[key] = value
		}
	}
	return kind, path, options
}

// Names returns the names that Named knows, PATH standing for a path.
func Names() []string {
	var names []string
	for _, known := range kinds() {
		names = append(names, known.name)
	}
	return names
}

// kind is a data set that has a name.
type kind struct {
	name string
	make func(path, options string) (Set, error)
}

func kinds() []kind {
	return []kind{
		{"mnist", with(func(string, struct{}) Set { return MNIST() })},
		{"mnist-test", with(func(string, struct{}) Set { return MNISTTest() })},
		{"fashion-mnist", with(func(string, struct{}) Set { return FashionMNIST() })},
		{"fashion-mnist-test", with(func(string, struct{}) Set { return FashionMNISTTest() })},
		{"stacked-mnist", with(func(_ string, o counted) Set { return StackedMNIST(o.N) })},
		{"ring", with(func(_ string, o drawn) Set { return Ring8().Set(o.N, o.Seed) })},
		{"grid", with(func(_ string, o drawn) Set { return Grid25().Set(o.N, o.Seed) })},
		{"swiss-roll", with(func(_ string, o drawn) Set { return SwissRoll(o.N, o.Seed) })},
		{"moons", with(func(_ string, o drawn) Set { return Moons(o.N, o.Seed) })},
		{"faces", with(func(_ string, o FacesOptions) Set { return Faces(o) })},
		{"sines", with(func(_ string, o waves) Set { return Sines(o.N, o.Length, o.Seed) })},
		{"phrases", with(func(string, struct{}) Set { return Phrases() })},
		{"folder:PATH", with(Folder)},
		{"shards:PATH", with(Shards)},
		{"csv:PATH", with(CSV)},
		{"text:PATH", with(Text)},
	}
}

// with reads the options of a set into the struct that its constructor takes.
func with[O any](constructor func(path string, options O) Set) func(path, options string) (Set, error) {
	return func(path, text string) (Set, error) {
		var options O
		if err := parseOptions(text, &options); err != nil {
			return Set{}, err
		}
		return constructor(path, options), nil
	}
}
