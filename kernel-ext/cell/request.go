package cell

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gantry.local/kernel-ext/internal/importspec"
)

// request is a `go build` of a cell as GoNB asks for it, with everything but the program and its imports summed up in
// a key: two requests of one key differ in nothing else.
type request struct {
	dir, output string
	flags       []string // of go build, without -o
	files       []string // of the program
	source      []byte   // their texts
	imports     []string // theirs, sorted
	module      string   // path of the cell's module
	key         string
}

// sourceFile is where GoNB puts the program of a cell.
const sourceFile = "main.go"

// BesideFile may lie beside the program of a cell and is compiled with it: it is what a kernel adds to the program.
const BesideFile = "gantry_values.go"

// readRequest reads a build from its folder and arguments. It returns nil for one that is not exactly understood.
func readRequest(goTool, dir string, args []string) *request {
	if len(args) < 3 || args[0] != "build" || args[1] != "-o" || filepath.Dir(args[2]) != dir {
		return nil
	}
	r := &request{dir: dir, output: args[2], flags: args[3:], files: []string{sourceFile}}
	if !aloneInFolder(filepath.Join(dir, sourceFile)) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(dir, BesideFile)); err == nil {
		r.files = []string{BesideFile, sourceFile} // as the go command has them
	}
	for _, name := range r.files {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil
		}
		r.source = append(r.source, source...)
		// Directives and build constraints reach beyond the compiler: //go:embed, //go:debug, //go:build, // +build.
		source = bytes.ReplaceAll(source, []byte("//go:noinline\n"), nil)
		if bytes.Contains(source, []byte("//go:")) || bytes.Contains(source, []byte("+build")) {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
		if err != nil || f.Name.Name != "main" {
			return nil
		}
		r.imports = append(r.imports, importPaths(f)...)
	}
	slices.Sort(r.imports)
	if r.imports = slices.Compact(r.imports); slices.Contains(r.imports, "C") {
		return nil
	}
	r.module, r.key = readCircumstances(goTool, dir, r.flags, os.Environ())
	if r.key == "" {
		return nil
	}
	return r
}

// readCircumstances sums up all that the build of a program in a folder depends on but for the program and its imports, and returns
// the path of its module with it. The key is empty where that is not exactly understood.
func readCircumstances(goTool, dir string, flags, env []string) (module, key string) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !understood(flags, env) || inWorkspace(dir, env) {
		return "", ""
	}
	module, _ = cutModule(mod)
	sum, err := moduleSum(dir)
	if err != nil || module == "" {
		return "", ""
	}
	h := sha256.New()
	fmt.Fprintln(h, "2", sum, fileStamp(goTool), fileStamp(goEnvFile(env)))
	for _, v := range flags {
		fmt.Fprintf(h, "%q\n", v)
	}
	for _, v := range buildEnvironment(env) {
		fmt.Fprintf(h, "%q\n", v)
	}
	if bytes.Contains(mod, []byte("=> .")) { // relative to the folder
		fmt.Fprintln(h, dir)
	}
	return module, fmt.Sprintf("%x", h.Sum(nil))[:32]
}

// lookup returns the value of a variable of an environment, in which the last one counts; empty: there is none.
func lookup(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

func importPaths(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		paths = append(paths, importspec.Path(spec))
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// understood tells whether all flags, of the command and of GOFLAGS, are such that a build with them differs from
// another only in the programs it starts and their arguments.
func understood(flags, env []string) bool {
	own, ok := splitQuoted(lookup(env, "GOFLAGS"))
	if !ok {
		return false
	}
	for _, f := range append(own, flags...) {
		name, _, _ := strings.Cut("-"+strings.TrimLeft(f, "-"), "=")
		switch name {
		case "-ldflags", "-gcflags", "-tags", "-buildvcs", "-p":
		case "-mod":
			if !strings.HasSuffix(f, "=readonly") {
				return false
			}
		default:
			return false
		}
		if f == name && name != "-buildvcs" {
			return false // its value is the next word
		}
	}
	return true
}

// inWorkspace tells whether the go command would find packages by other files than go.mod and go.sum.
func inWorkspace(dir string, env []string) bool {
	if _, err := os.Stat(filepath.Join(dir, "vendor")); err == nil {
		return true
	}
	switch lookup(env, "GOWORK") {
	case "off":
		return false
	case "":
	default:
		return true
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

// buildEnvironment lists the variables that bear on a build, sorted. The home folder is one only where it says where a cache is, so that
// a class can share what one of its members has learned.
func buildEnvironment(all []string) []string {
	last := map[string]string{}
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		last[name] = v
	}
	var env []string
	for _, v := range last {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case name == "PATH":
			env = append(env, "PATH="+commonPath(value))
		case name == "HOME" && set(last["GOCACHE"]) && set(last["GOMODCACHE"]):
		case strings.HasPrefix(name, "GONB"), strings.HasPrefix(name, "GOMLX"), name == "GOTMPDIR", name == "GOPATH" && value == "":
		case strings.HasPrefix(name, "GO"), strings.HasPrefix(name, "CGO"), strings.HasPrefix(name, "PKG_CONFIG"),
			slices.Contains([]string{"CC", "CXX", "FC", "AR", "HOME"}, name):
			env = append(env, v)
		}
	}
	slices.Sort(env)
	return env
}

// set tells whether an entry of an environment gives its variable a value.
func set(entry string) bool {
	_, value, _ := strings.Cut(entry, "=")
	return value != ""
}

// commonPath is PATH without the kernel's own folder of tools, which another kernel has elsewhere.
func commonPath(path string) string {
	return strings.Join(slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, "goimports"))
		link, err2 := os.Readlink(filepath.Join(dir, "go"))
		return err == nil && err2 == nil && filepath.Base(link) == Program
	}), string(os.PathListSeparator))
}

// goEnvFile is where `go env -w` keeps its settings.
func goEnvFile(env []string) string {
	if file := lookup(env, "GOENV"); file != "" {
		return file
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "go", "env")
}

// fileStamp changes whenever a file does. A symbolic link counts as the file it leads to.
func fileStamp(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return "none"
	}
	return file + " " + infoStamp(info)
}

func infoStamp(info fs.FileInfo) string {
	return fmt.Sprint(info.Name(), info.Mode(), info.Size(), info.ModTime().UnixNano(), changed(info).UnixNano())
}

// splitQuoted splits at spaces as the go command splits GOFLAGS: a word may stand in quotes.
func splitQuoted(s string) ([]string, bool) {
	var words []string
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return words, true
		}
		if q := s[0]; q == '\'' || q == '"' {
			word, rest, ok := strings.Cut(s[1:], string(q))
			if !ok {
				return nil, false
			}
			words, s = append(words, word), rest
			continue
		}
		end := strings.IndexAny(s, " \t\n\r")
		if end < 0 {
			end = len(s)
		}
		words, s = append(words, s[:end]), s[end:]
	}
}
