package cell

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// A base is a folder with an image, in which packages lie linked, and what there is in it. The linker of package quicklink adds a program
// to it: then main is all that there is to link. Its packages may be more than the program's; they do not run.
const (
	basePrefix = "base-"
	aboutFile  = "about.json"
	// maxBaseBytes is how much space bases may take. One has some 10 to 60 MB.
	maxBaseBytes = 512 << 20
	// basePatience bounds the making of one.
	basePatience = 5 * time.Minute
)

// EnvBase names to the linker of package quicklink the base that it shall link a program to.
const EnvBase = "GANTRY_LINK_BASE"

// EnvIndex makes the linker of package quicklink link all that the packages have, and names the file for what there is.
const EnvIndex = "GANTRY_LINK_INDEX"

// about says which programs a base is for.
type about struct {
	Linker   string            // which one has made it
	Link     []string          // how: the command of the plan
	ModInfo  string            // the line of importcfg.link, the module called @
	Module   int               // length of the module's path
	Packages map[string]string // import path → archive
}

// newAbout describes the base for a program with these packages.
func newAbout(p *plan, module string, packages []*compiled) about {
	a := about{Linker: fileStamp(earlyLinker(p)), Link: p.Link, ModInfo: strings.ReplaceAll(p.ModInfo, p.Module, "@"), Module: len(module), Packages: map[string]string{}}
	for _, c := range packages {
		if c.Archive != "" {
			a.Packages[c.Path] = c.Archive
		}
	}
	return a
}

// covers tells whether programs of another description can be linked to the base. One that has no C cannot be to one that has it: package
// runtime starts threads for C, and tells no longer that all goroutines are asleep.
func (a about) covers(program about) bool {
	const c = "runtime/cgo"
	if (a.Packages[c] == "") != (program.Packages[c] == "") {
		return false
	}
	if a.Linker != program.Linker || !slices.Equal(a.Link, program.Link) || a.ModInfo != program.ModInfo || a.Module != program.Module || len(a.Packages) < len(program.Packages) {
		return false
	}
	for path, archive := range program.Packages {
		if a.Packages[path] != archive {
			return false
		}
	}
	return true
}

// kind begins the names of the bases for programs that differ in their packages alone.
func (a about) kind() string {
	h := newSum()
	fmt.Fprintf(h, "%q %q %q %d", a.Linker, a.Link, a.ModInfo, a.Module)
	return basePrefix + h.String() + "-"
}

// folder is where the base lies, whatever else the circumstances are.
func (a about) folder(cache string) string {
	h := newSum()
	for _, path := range slices.Sorted(maps.Keys(a.Packages)) {
		fmt.Fprintf(h, "%q %q\n", path, a.Packages[path])
	}
	return filepath.Join(cache, a.kind()+h.String())
}

// findBase returns the folder of the smallest base for a program, empty if there is none.
func findBase(cache string, program about) string {
	files, err := filepath.Glob(filepath.Join(cache, program.kind()+"*", aboutFile))
	if err != nil {
		return "" // only a malformed pattern
	}
	best, size := "", 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		var a about
		if err != nil || json.Unmarshal(text, &a) != nil || !a.covers(program) {
			continue
		}
		if best == "" || len(a.Packages) < size {
			best, size = file, len(a.Packages)
		}
	}
	if best == "" {
		return ""
	}
	now := time.Now()
	os.Chtimes(best, now, now) // it is in use
	return filepath.Dir(best)
}

// HasBases tells whether the linker of package quicklink can link to bases on this kind of machine.
func HasBases() bool { return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" }

// canHaveBase tells whether a program that the plan's command links differs from others only in its packages and its main.
func (p *plan) canHaveBase() bool {
	return HasBases() && earlyLinker(p) != "" && !slices.ContainsFunc(p.Link[1:], func(word string) bool {
		return strings.HasPrefix(word, "-") && !slices.Contains([]string{"-o", "-importcfg", "-buildmode=exe", "-s", "-w", "-linkmode=internal", "-buildid=" + wordBuildID}, word) &&
			!strings.HasPrefix(word, "-extld=") && !strings.HasPrefix(word, "-X=runtime.")
	})
}

// lockBases makes this process the one that makes bases, or tells that another one is it.
func lockBases(cache string) (lock *flock.Flock, got bool, err error) {
	lock = flock.New(filepath.Join(cache, "bases.lock"), flock.SetPermissions(0o600))
	got, err = lock.TryLock()
	return lock, got, err
}

// makeBase makes the base for programs with these imports, for who has the lock.
func makeBase(ctx context.Context, cache string, p *plan, module string, imports []string) (err error) {
	packages := p.covers(imports)
	if packages == nil || !p.canHaveBase() {
		return nil
	}
	about := newAbout(p, module, packages)
	if findBase(cache, about) != "" {
		return nil
	}
	folder := about.folder(cache)
	work, err := os.MkdirTemp(cache, unfinished)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var source strings.Builder
	source.WriteString("package main\n")
	for _, path := range imports {
		fmt.Fprintf(&source, "import _ %q\n", path)
	}
	source.WriteString("func main() {}\n")
	forCompiler, forLinker := p.importConfigs(packages, module)
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(work, name) }
	for name, text := range map[string]string{sourceFile: source.String(), "compile": forCompiler, "link": forLinker, aboutFile: string(text)} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	fill := map[string]string{wordObject: at("main.o"), wordOutput: at("image"), wordBuildID: Program + "/" + filepath.Base(folder), wordImports: at("compile")}
	if err := runIn(ctx, work, step(p.compile(sourceFile), fill, nil)); err != nil {
		return err
	}
	fill[wordImports] = at("link")
	command := slices.Clone(p.Link)
	command[0] = earlyLinker(p)
	if err := runIn(ctx, work, step(command, fill, append(slices.Clone(p.Env), EnvIndex+"="+at("index")))); err != nil {
		return err
	}
	for _, name := range []string{sourceFile, "compile", "link", "main.o"} {
		if err := os.Remove(at(name)); err != nil {
			return err
		}
	}
	if err := os.Rename(work, folder); err != nil {
		return err
	}
	sweepBases(cache)
	return nil
}

// runIn runs a step in a folder until a context ends.
func runIn(ctx context.Context, dir string, cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { cmd.Process.Kill() })()
	if err := cmd.Wait(); err != nil {
		first, _, _ := strings.Cut(said.String(), "\n")
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, first)
	}
	return nil
}

// unfinished begins the name of a base's folder while it is made.
const unfinished = "unfinished-"

// sweepBases removes the bases that have not been used for the longest, where all take too much space, and what was left unfinished. It is
// called by who holds the lock.
func sweepBases(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return // it is as it is
	}
	type base struct {
		folder string
		used   time.Time
		size   int64
	}
	var bases []base
	for _, e := range entries {
		folder := filepath.Join(cache, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), unfinished):
			os.RemoveAll(folder)
		case strings.HasPrefix(e.Name(), basePrefix):
			b := base{folder: folder}
			files, _ := os.ReadDir(folder) // one that cannot be read counts as empty and old
			for _, f := range files {
				if info, err := f.Info(); err == nil {
					b.size += info.Size()
					if f.Name() == aboutFile {
						b.used = info.ModTime()
					}
				}
			}
			bases = append(bases, b)
		}
	}
	slices.SortFunc(bases, func(a, b base) int { return b.used.Compare(a.used) })
	total := int64(0)
	for _, b := range bases {
		if total += b.size; total > maxBaseBytes {
			os.RemoveAll(b.folder)
		}
	}
}

// startBase starts a process that makes the base for a program that had none, while a person looks at what the program shows. It ends by
// itself, or with the kernel.
func (t *tool) startBase(r *request) {
	self, err := os.Executable()
	if err != nil {
		return
	}
	cmd := exec.Command(self, append([]string{"base", t.cache, r.key, r.module}, r.imports...)...)
	cmd.SysProcAttr = apart()
	if cmd.Start() == nil {
		cmd.Process.Release()
	}
}

// Base makes the base for programs with these imports: what startBase has begun.
func Base(ctx context.Context, cache, key, module string, imports []string) error {
	ctx, cancel := context.WithTimeout(ctx, basePatience)
	defer cancel()
	lock, got, err := lockBases(cache)
	if err != nil || !got {
		return err
	}
	defer lock.Unlock()
	p := readPlan(planFile(cache, key))
	if p == nil {
		return errors.New("there is no plan to make a base by")
	}
	return makeBase(ctx, cache, p, module, imports)
}
