package cell

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rest is how long a folder must have been left alone before its state is trusted: file systems tell times coarsely.
const rest = 2 * time.Second

// learn builds a cell with the go command, which prints what it runs, and returns what it learned, or nil, and what
// kept the cell from being built.
func (t *tool) learn(ctx context.Context, r *request) (*plan, error) {
	start := time.Now()
	type listing struct {
		packages []listed
		err      error
	}
	listed := make(chan listing, 1)
	go func() {
		packages, err := t.list(ctx, r)
		listed <- listing{packages, err}
	}()
	cmd := exec.CommandContext(ctx, t.real, append([]string{"build", "-x", "-o", r.output}, r.flags...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = endWithParent()
	err := cmd.Run()
	t.trace.add("list", start, time.Now(), true) // all of it, compiling and linking included
	l := <-listed
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, firstError(said.String()))
	}
	p, archives := readCommands(said.String())
	if p == nil || l.err != nil || !p.describe(archives, l.packages, r.imports, start) {
		return nil, nil
	}
	p.Learned, p.Module = start, r.module
	return p, nil
}

// firstError returns the first line of what the go command says that is not one of the commands it runs.
func firstError(text string) string {
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "go: ") || strings.Contains(line, ".go:") && !strings.Contains(line, " -importcfg ") {
			return line
		}
	}
	return "no reason given"
}

// listed is a package as go list prints it.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct {
		Version string
		Replace *struct{ Version string }
	}
	Deps       []string
	EmbedFiles []string
}

// list asks for the packages that a program needs.
func (t *tool) list(ctx context.Context, r *request) ([]listed, error) {
	args := append([]string{"list"}, r.flags...)
	args = append(args, "-deps", "-json=ImportPath,Dir,Standard,Module,Deps,EmbedFiles", "--", runtimePath)
	cmd := exec.CommandContext(ctx, t.real, append(args, r.imports...)...)
	cmd.SysProcAttr = endWithParent()
	text, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var packages []listed
	d := json.NewDecoder(bytes.NewReader(text))
	for d.More() {
		var p listed
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	return packages, nil
}

// folders lists the folders with the files of a package if a person may edit them, which is to say, unless they lie in
// the Go tree or the module cache.
func (l listed) folders() []string {
	if m := l.Module; l.Standard || m != nil && m.Version != "" && (m.Replace == nil || m.Replace.Version != "") {
		return nil
	}
	dirs := map[string]bool{l.Dir: true}
	for _, file := range l.EmbedFiles {
		dirs[filepath.Dir(filepath.Join(l.Dir, file))] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// describe fills in the packages: archives are those that the go command has linked. What needs a folder that changed
// just now a cell may not import by this plan. It reports false if nothing came of it.
func (p *plan) describe(archives map[string]string, packages []listed, imports []string, start time.Time) bool {
	all, needs := map[string]*compiled{}, map[string][]string{}
	p.Stamps = map[string]string{}
	restless := map[string]bool{} // package
	for _, l := range packages {
		c := &compiled{Path: l.ImportPath, Archive: archives[l.ImportPath], Folders: l.folders()}
		if c.Archive == "" && c.Path != "unsafe" {
			return false
		}
		for _, dir := range c.Folders {
			stamp, last, err := folderStamp(dir)
			p.Stamps[dir] = stamp
			if err != nil || last.Add(rest).After(start) {
				restless[c.Path] = true
			}
		}
		all[c.Path] = c
		needs[c.Path] = l.Deps
	}
	for path := range archives {
		if all[path] == nil {
			return false // linked for a reason not known here
		}
	}
	for _, path := range append([]string{runtimePath}, imports...) {
		c := all[path]
		if c == nil || slices.ContainsFunc(needs[path], func(n string) bool { return all[n] == nil }) {
			return false
		}
		c.Direct = !restless[path] && !slices.ContainsFunc(needs[path], func(n string) bool { return restless[n] })
	}
	p.setPackages(all, needs)
	return true
}

// readCommands reads what `go build -x` prints, and which packages it links. It returns nil if that is not entirely what
// it expects.
func readCommands(text string) (_ *plan, archives map[string]string) {
	first, rest, _ := strings.Cut(text, "\n")
	work, ok := strings.CutPrefix(first, "WORK=")
	if !ok {
		return nil, nil
	}
	// One kind of line uses the variable, another the folder.
	lines := strings.Split(strings.ReplaceAll(rest, "$WORK", work), "\n")
	main := filepath.Join(work, "b001")
	p := &plan{}
	archives = map[string]string{}
	cached := map[string]string{} // compiled in this build → its place in the build cache
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "cat >"+filepath.Join(main, "importcfg.link")+" "):
			for i++; i < len(lines) && lines[i] != "EOF"; i++ {
				kind, value, _ := strings.Cut(lines[i], " ")
				path, archive, _ := strings.Cut(value, "=")
				switch {
				case kind == "modinfo":
					p.ModInfo = lines[i]
				case kind == "packagefile" && archive == filepath.Join(main, "_pkg_.a"):
				case kind == "packagefile":
					archives[path] = archive
				default:
					return nil, nil
				}
			}
		case strings.HasPrefix(line, "cat >"+filepath.Join(main, "importcfg")+" "):
			for i++; i < len(lines) && lines[i] != "EOF"; i++ {
				if !strings.HasPrefix(lines[i], "#") && !strings.HasPrefix(lines[i], "packagefile ") {
					return nil, nil
				}
			}
		case strings.HasPrefix(line, "cp "):
			if words := splitCommand(strings.TrimSuffix(line, " # internal")); len(words) == 3 {
				cached[words[1]] = words[2]
			}
		case strings.Contains(line, " -o "+filepath.Join(main, "_pkg_.a")+" "):
			p.Compile = command(line, main, "compile", &[]string{})
		case strings.Contains(line, " -o "+filepath.Join(main, "exe", "a.out")+" "):
			p.Link = command(line, main, "link", &p.Env)
		case strings.Contains(line, main) && !harmless(line):
			return nil, nil // a step that is not known: cgo, an assembler, a second file
		}
	}
	for path, archive := range archives {
		if !strings.HasPrefix(archive, work) {
			continue
		}
		if archives[path], ok = cached[archive]; !ok {
			return nil, nil
		}
	}
	if p.Compile == nil || p.Link == nil || p.ModInfo == "" || len(archives) == 0 {
		return nil, nil
	}
	return p, archives
}

// harmless tells whether a line of `go build -x` that names the program's working folder need not be done again.
func harmless(line string) bool {
	for _, start := range []string{"mkdir -p ", "go tool buildid -w ", "mv ", "rm -rf ", "cd "} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

// command splits a line into the words of a command of the Go tree and puts words to fill in where it names files. It
// returns nil if it is another command.
func command(line, main, name string, env *[]string) []string {
	words := splitCommand(line)
	for len(words) > 0 && strings.Contains(words[0], "=") {
		*env = append(*env, strings.ReplaceAll(words[0], "'", ""))
		words = words[1:]
	}
	if len(words) == 0 || filepath.Base(words[0]) != name {
		return nil
	}
	if _, err := os.Stat(words[0]); err != nil {
		return nil
	}
	var command []string
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "-buildid":
			command = append(command, word, wordBuildID)
			i++
		case strings.HasPrefix(word, "-buildid="):
			command = append(command, "-buildid="+wordBuildID)
		case word == filepath.Join(main, "_pkg_.a"):
			command = append(command, wordObject)
		case word == filepath.Join(main, "exe", "a.out"):
			command = append(command, wordOutput)
		case strings.HasPrefix(word, filepath.Join(main, "importcfg")):
			command = append(command, wordImports)
		case strings.HasPrefix(word, main) && strings.HasSuffix(word, "=>"):
			command = append(command, "/"+Program+"=>") // nothing lies there: no path is shortened by it
		case strings.Contains(word, main):
			return nil
		default:
			command = append(command, word)
		}
	}
	if name != "compile" {
		return command
	}
	files := slices.IndexFunc(command, func(word string) bool { return word == "./"+BesideFile || word == "./"+sourceFile })
	if files < 0 || command[len(command)-1] != "./"+sourceFile || len(command)-files > 2 {
		return nil
	}
	return command[:files] // which files there are each program says
}

// splitCommand splits a line of `go build -x`, in which a word that needs it is quoted as in Go.
func splitCommand(line string) []string {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if quoted, err := strconv.QuotedPrefix(line); err == nil && line[0] == '"' {
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil
			}
			words, line = append(words, word), line[len(quoted):]
			continue
		}
		word, after, _ := strings.Cut(line, " ")
		words, line = append(words, word), after
	}
	return words
}
