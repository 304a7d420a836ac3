package cell

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gantry.local/kernel-ext/internal/wholefile"
)

// planLife is how long a plan is followed. After that one build goes to the go command again, which so keeps what it
// has in its build cache: it removes what it has not used for five days.
const planLife = 24 * time.Hour

// plan is what was learned from builds of one key: the commands that compile and link a cell, and the packages that it
// may import.
type plan struct {
	Learned  time.Time
	Compile  []string          // the command; words that start with @ are to be filled in
	Link     []string          // the command; likewise
	Env      []string          // what the link command runs with besides
	ModInfo  string            // the line of importcfg.link that describes the modules
	Module   string            // the cell's module when ModInfo was written
	Packages []*compiled       // sorted by path
	Stamps   map[string]string // folder → the state of it that was compiled
}

// compiled is a package in the build cache.
type compiled struct {
	Path    string
	Archive string   `json:",omitempty"` // none for unsafe
	Folders []string `json:",omitempty"` // with its files, if a person may edit them
	Direct  bool     `json:",omitempty"` // a cell may import it; only then Needs is known
	Needs   []int    `json:",omitempty"` // all it needs, as places in plan.Packages
}

// The words to be filled in.
const (
	wordObject  = "@object"
	wordImports = "@imports"
	wordOutput  = "@output"
	wordBuildID = "@buildid"
)

// runtimePath is the package that every program needs, imported or not.
const runtimePath = "runtime"

func planFile(cache, key string) string { return filepath.Join(cache, "plan-"+key+".json") }

// readPlan returns nil if there is none to follow.
func readPlan(file string) *plan {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	p := &plan{}
	if json.Unmarshal(text, p) != nil || time.Since(p.Learned).Abs() > planLife {
		return nil
	}
	for _, c := range p.Packages {
		if slices.ContainsFunc(c.Needs, func(i int) bool { return i < 0 || i >= len(p.Packages) }) {
			return nil
		}
	}
	return p
}

func (p *plan) write(file string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	sweep(filepath.Dir(file))
	return wholefile.WriteTransient(file, text, 0o600)
}

// sweep removes plans that are no longer followed.
func sweep(cache string) {
	old, err := filepath.Glob(filepath.Join(cache, "plan-*.json"))
	if err != nil {
		return // only a malformed pattern
	}
	for _, file := range old {
		if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) > 2*planLife {
			os.Remove(file)
		}
	}
}

func (p *plan) find(path string) *compiled {
	i, ok := slices.BinarySearchFunc(p.Packages, path, func(c *compiled, path string) int { return strings.Compare(c.Path, path) })
	if !ok {
		return nil
	}
	return p.Packages[i]
}

// closure returns all packages of a program with these imports, sorted, or nil if one of the imports is not known.
func (p *plan) closure(imports []string) []*compiled {
	in := make([]bool, len(p.Packages))
	for _, path := range append([]string{runtimePath}, imports...) {
		i, ok := slices.BinarySearchFunc(p.Packages, path, func(c *compiled, path string) int { return strings.Compare(c.Path, path) })
		if !ok || !p.Packages[i].Direct {
			return nil
		}
		in[i] = true
		for _, need := range p.Packages[i].Needs {
			in[need] = true
		}
	}
	var all []*compiled
	for i, c := range p.Packages {
		if in[i] {
			all = append(all, c)
		}
	}
	return all
}

// covers returns the packages of a program with these imports if the plan can build it: it knows them all, and none
// has been edited since. Otherwise it returns nil.
func (p *plan) covers(imports []string) []*compiled {
	all := p.closure(imports)
	for _, c := range all {
		for _, dir := range c.Folders {
			if stamp, _, err := folderStamp(dir); err != nil || stamp != p.Stamps[dir] {
				return nil
			}
		}
	}
	return all
}

// merge adds to p, the newer, what an older plan of the same key knows and p does not contradict.
func (p *plan) merge(old *plan) {
	if old == nil || !slices.Equal(p.Compile, old.Compile) || !slices.Equal(p.Link, old.Link) || !slices.Equal(p.Env, old.Env) {
		return
	}
	fresh := func(c *compiled) bool {
		for _, dir := range c.Folders {
			if stamp, _, err := folderStamp(dir); err != nil || stamp != old.Stamps[dir] {
				return false
			}
		}
		now := p.find(c.Path)
		return now == nil || now.Archive == c.Archive
	}
	all := map[string]*compiled{}
	needs := map[string][]string{}
	for _, c := range old.Packages {
		if !c.Direct || !fresh(c) {
			continue
		}
		group := []*compiled{c}
		for _, i := range c.Needs {
			group = append(group, old.Packages[i])
		}
		if slices.ContainsFunc(group, func(c *compiled) bool { return !fresh(c) }) {
			continue
		}
		for _, member := range group {
			if all[member.Path] == nil {
				all[member.Path] = &compiled{Path: member.Path, Archive: member.Archive, Folders: member.Folders}
			}
			for _, dir := range member.Folders {
				p.Stamps[dir] = old.Stamps[dir]
			}
			if member != c {
				needs[c.Path] = append(needs[c.Path], member.Path)
			}
		}
		all[c.Path].Direct = true
	}
	if len(all) == 0 {
		return
	}
	for _, c := range p.Packages {
		if c.Direct {
			needs[c.Path] = nil
			for _, i := range c.Needs {
				needs[c.Path] = append(needs[c.Path], p.Packages[i].Path)
			}
		}
		c.Direct = c.Direct || all[c.Path] != nil && all[c.Path].Direct
		all[c.Path] = c
	}
	p.setPackages(all, needs)
	if len(old.ModInfo) > len(p.ModInfo) { // the one that lists more modules
		p.ModInfo, p.Module = old.ModInfo, old.Module
	}
	if old.Learned.Before(p.Learned) {
		p.Learned = old.Learned
	}
}

// setPackages sets all packages and what the direct ones need.
func (p *plan) setPackages(all map[string]*compiled, needs map[string][]string) {
	p.Packages = nil
	place := map[string]int{}
	for i, path := range slices.Sorted(maps.Keys(all)) {
		place[path] = i
		p.Packages = append(p.Packages, all[path])
	}
	for _, c := range p.Packages {
		c.Needs = nil
		if !c.Direct {
			continue
		}
		for _, path := range needs[c.Path] {
			c.Needs = append(c.Needs, place[path])
		}
	}
}

// compile is the command that compiles a program's files. What a debugger would read is not written where the linker leaves it out.
func (p *plan) compile(files ...string) []string {
	command := slices.Clone(p.Compile)
	if slices.Contains(p.Link, "-w") {
		command = append(command, "-dwarf=false")
	}
	return append(command, files...)
}

// importConfigs are the two files that tell the compiler and the linker where the packages of a program are.
func (p *plan) importConfigs(all []*compiled, module string) (compile, link string) {
	var c, l strings.Builder
	c.WriteString("# import config\n")
	for _, pkg := range all {
		if pkg.Archive == "" {
			continue
		}
		line := fmt.Sprintf("packagefile %s=%s\n", pkg.Path, pkg.Archive)
		if pkg.Direct {
			c.WriteString(line)
		}
		l.WriteString(line)
	}
	l.WriteString(strings.ReplaceAll(p.ModInfo, p.Module, module) + "\n")
	return c.String(), l.String()
}

// folderStamp changes whenever a file directly in a folder changes, appears or goes. It returns when the last of that
// was.
func folderStamp(dir string) (string, time.Time, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", time.Time{}, err
	}
	last := changed(info)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", time.Time{}, err
	}
	h := newSum()
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			info, err = os.Stat(filepath.Join(dir, e.Name()))
		}
		if err != nil {
			return "", time.Time{}, err
		}
		if at := changed(info); at.After(last) {
			last = at
		}
		fmt.Fprintln(h, e.Name(), infoStamp(info))
	}
	return h.String(), last, nil
}
