package cell

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"time"
)

// build does what `go build` does to a cell: by the plan, if there is one that covers the cell, and by watching the go
// command otherwise, so that there is one the next time. It reports false where the go command must do it, or must do
// it once more to say what is wrong in its own words.
func (t *tool) build() bool {
	start := time.Now()
	dir, err := os.Getwd()
	if err != nil {
		return false
	}
	r := readRequest(t.real, dir, t.args)
	if r == nil {
		return false
	}
	file := planFile(t.cache, r.key)
	p := readPlan(file)
	if p != nil {
		if packages := p.covers(r.imports); packages != nil {
			t.trace.add("list", start, time.Now(), false)
			return t.follow(p, r, packages)
		}
	}
	learned, err := t.learn(context.Background(), r)
	if learned != nil {
		learned.merge(p)
		learned.write(file) // one that is not written is learned again
	}
	return err == nil
}

// follow compiles and links by a plan. All it writes lies beside the output and is written over by the next cell.
func (t *tool) follow(p *plan, r *request, packages []*compiled) bool {
	object, compileConfig, linkConfig := r.output+".o", r.output+".importcfg", r.output+".importcfg.link"
	forCompiler, forLinker := p.importConfigs(packages, r.module)
	if os.WriteFile(compileConfig, []byte(forCompiler), 0o600) != nil || os.WriteFile(linkConfig, []byte(forLinker), 0o600) != nil {
		return false
	}
	// Not the go command's build id: by that it would take this program for one that it has built itself.
	id := sha256.Sum256(append([]byte(r.key), r.source...))
	fill := map[string]string{
		wordObject: object, wordOutput: r.output, wordBuildID: Program + "/" + hex.EncodeToString(id[:16]), wordImports: linkConfig,
	}
	base := ""
	if p.canHaveBase() {
		if base = findBase(t.cache, newAbout(p, r.module, packages)); base == "" {
			defer t.startBase(r)
		}
	}
	linker := startLinker(p, fill, base)
	defer linker.abandon()
	start := time.Now()
	fill[wordImports] = compileConfig
	if !run(p.compile(r.files...), fill, nil) {
		return false
	}
	t.trace.add("compile", start, time.Now(), false)
	start = time.Now()
	if !linker.finish() {
		return false
	}
	t.trace.add("link", start, time.Now(), false)
	return true
}

// sum is a hash that is read as text.
type sum struct{ hash.Hash }

func newSum() sum { return sum{sha256.New()} }

// String returns the sum of what was written so far.
func (s sum) String() string { return fmt.Sprintf("%x", s.Sum(nil))[:32] }
