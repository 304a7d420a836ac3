package analysis

import (
	"context"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"sync"
)

// Packages knows compiled packages by what the compiler has written about them.
type Packages struct {
	find func(ctx context.Context, paths []string) (archives map[string]string, err error)

	mu       sync.Mutex
	archives map[string]string // by import path, of those that are loaded, and those that they need
	importer types.Importer
}

// NewPackages returns packages that find finds: it returns where those with the given import paths, and all that they need, lie compiled
// at present.
func NewPackages(find func(ctx context.Context, paths []string) (archives map[string]string, err error)) *Packages {
	return &Packages{find: find}
}

// load returns what imports packages of these paths. Packages that were compiled anew since are loaded anew, with all others, since a
// type is one only within one loading.
func (p *Packages) load(ctx context.Context, paths []string) (types.Importer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, err := p.find(ctx, paths)
	if err != nil {
		return nil, err
	}
	for path, archive := range found {
		if old, ok := p.archives[path]; ok && old != archive {
			p.importer = nil
			break
		}
	}
	if p.importer == nil {
		p.archives = map[string]string{}
		p.importer = importer.ForCompiler(token.NewFileSet(), "gc", p.open)
	}
	for path, archive := range found {
		p.archives[path] = archive
	}
	return serial{p}, nil
}

func (p *Packages) open(path string) (io.ReadCloser, error) {
	archive := p.archives[path]
	if archive == "" {
		return nil, fmt.Errorf("package %s is not known", path)
	}
	return os.Open(archive)
}

// serial imports one package at a time.
type serial struct{ packages *Packages }

// Import implements types.Importer.
func (s serial) Import(path string) (*types.Package, error) {
	s.packages.mu.Lock()
	defer s.packages.mu.Unlock()
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	return s.packages.importer.Import(path)
}
