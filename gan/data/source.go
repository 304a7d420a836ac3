package data

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"gantry.local/gan/sample"
)

// Source is where a Set of this package comes from: the Load of a Set is that of its Source, which loads once. It can be
// used from several goroutines.
type Source struct {
	name string
	from maker

	mu     sync.Mutex
	loaded *sample.Images // nil: not yet
	opened opened
}

// opened is what became of opening a set.
type opened struct {
	stream *Stream // nil for one that is loaded
	known  bool
}

// maker is what makes the images of a Set. Makers are plain data, so that a notebook can keep a Set that nobody has loaded.
type maker interface {
	// make reads or draws the whole set, whose name is for errors.
	make(name string) (*sample.Images, error)
}

// makers lists one of every kind.
func makers() []maker {
	return []maker{memory{}, archive{}, stacked{}, points{}, sines{}, FacesOptions{}, phrases{}, folder{}, table{}, text{},
		shards{}, half{}, subset{}, ofClasses{}, balanced{}, imbalanced{}, thick{}}
}

// of makes a Set of what is made when it is first loaded.
func of(name string, from maker) Set {
	s := &Source{name: name, from: from}
	runtime.KeepAlive(s) // as an interface, so that the linker keeps its methods: a notebook finds it behind Load
	set := Set{Name: name, Load: s.Load}
	if _, can := from.(streamer); can {
		set.Open = s.Open
	}
	return set
}

// streamer is a maker whose sets may be streams.
type streamer interface {
	// stream opens the set, and returns nil where it is to be loaded.
	stream(name string) (*Stream, error)
}

// Load returns the images, made and verified the first time and the same ones from then on. A failure isn't kept, so that
// its cause can be mended and the same Set loaded again.
func (s *Source) Load() (*sample.Images, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded == nil {
		images, err := s.from.make(s.name)
		if err != nil {
			return nil, err
		}
		s.loaded = images
	}
	return s.loaded, nil
}

// Open returns the set as a stream, opened the first time, and the same one from then on; nil where it is to be loaded, which
// is as final. A failure isn't kept.
func (s *Source) Open() (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from, can := s.from.(streamer); can && !s.opened.known {
		stream, err := from.stream(s.name)
		if err != nil {
			return nil, err
		}
		s.opened = opened{stream, true}
	}
	return s.opened.stream, nil
}

// keptSource is a Source as a notebook keeps it: how it is made, and what was made of it, where it was loaded. Memory that
// a notebook keeps costs nothing until it is read, and reading MNIST anew takes a third of a second.
type keptSource struct {
	Name   string
	From   maker
	Loaded *sample.Images
}

// Kept returns what a notebook keeps of the source between two cells.
func (s *Source) Kept() (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return keptSource{Name: s.name, From: s.from, Loaded: s.loaded}, nil
}

// Restored returns the source again.
func (k keptSource) Restored() (any, error) {
	kind := reflect.TypeOf(k.From)
	if !slices.ContainsFunc(makers(), func(m maker) bool { return reflect.TypeOf(m) == kind }) {
		return nil, fmt.Errorf("data set %s was made by another version of this program: make it anew", k.Name)
	}
	return &Source{name: k.Name, from: k.From, loaded: k.Loaded}, nil
}

// Of makes a Set of images that are in memory already.
func Of(name string, images *sample.Images) Set { return of(name, memory{images}) }

// memory makes a set of images that are there.
type memory struct{ images *sample.Images }

func (m memory) make(string) (*sample.Images, error) { return m.images, m.images.Check() }
