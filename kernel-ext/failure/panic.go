package failure

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	framePattern   = regexp.MustCompile(`^\t(.+\.(?:go|s)):(\d+)(?: \+0x.*)?$`)
	createdPattern = regexp.MustCompile(`^created by (.+?)(?: in goroutine \d+)?$`)
)

// frame is one call of a goroutine's trace.
type frame struct {
	function, file string
	line           int
	created        bool // it started the goroutine
}

// Panicked explains the last words of a program: the runtime's message and the traces of its goroutines.
func (r *Report) Panicked(words string) Failure {
	message, traces, _ := strings.Cut(words, "\n\n")
	f := Failure{}
	f.Name, f.Value, _ = strings.Cut(strings.TrimSpace(message), ": ")
	if rest, ok := strings.CutPrefix(f.Value, "runtime error: "); ok {
		f.Name, f.Value = "runtime error", rest
	}
	f.Value, _, _ = strings.Cut(f.Value, "\n[signal ")
	above := r.told(&f)
	f.Value, _, _ = strings.Cut(f.Value, "\nPC=")       // a crash in C, such as a check that failed in XLA
	if strings.Contains(traces, "\nmain.gantryFail(") { // a cell that is left with an error, see package analysis
		f.Name = "error"
	}
	for block := range strings.SplitSeq(traces, "\n\n") {
		if !strings.HasPrefix(block, "goroutine ") {
			continue // the runtime's own stack
		}
		if trace, mine := r.trace(block); mine {
			f.Trace = trace
			break
		} else if f.Trace == nil {
			f.Trace = trace
		}
	}
	f.Trace = append(above, f.Trace...)
	return f
}

var (
	toldPlace = regexp.MustCompile(`\n\t*in (main\.\S+) at (\S+):(\d+)`)
	toldShape = regexp.MustCompile(`\n\t*where (\S+) is (.+)`)
)

// told takes out of an error what package analysis has a cell add to it: where in cells it arose, and the shapes of names. Those that the
// innermost line has are said with the error.
func (r *Report) told(f *Failure) (trace []string) {
	places, shapes := toldPlace.FindAllStringSubmatch(f.Value, -1), toldShape.FindAllStringSubmatch(f.Value, -1)
	f.Value = toldShape.ReplaceAllString(toldPlace.ReplaceAllString(f.Value, ""), "")
	var seen []spot
	for _, p := range places {
		line, _ := strconv.Atoi(p[3])
		at := r.locate(line)
		if p[2] != filepath.Join(r.Dir, r.File) || at.source == nil || slices.Contains(seen, at) {
			continue
		}
		around := 0
		if len(seen) == 0 {
			around = 1
			var named []string
			for _, s := range shapes {
				if regexp.MustCompile(`\b` + regexp.QuoteMeta(s[1]) + `\b`).MatchString(at.source.Shown[at.line]) {
					named = append(named, s[1]+" is "+s[2])
				}
			}
			if slices.Sort(named); len(named) > 0 {
				f.Value += "; " + strings.Join(named, ", ")
			}
		}
		seen = append(seen, at)
		trace = append(append(trace, at.String()+", in "+functionName(p[1], at.source.Wraps)+":"), at.excerpt(around)...)
	}
	return trace
}

// trace shows one goroutine's calls: those in cells with their lines, and the one of a library that came to grief.
// mine tells whether one is in a cell.
func (r *Report) trace(block string) (out []string, mine bool) {
	const most = 20
	above := false
	var seen []spot
	for _, call := range frames(block) {
		if len(out) > 6*most {
			break
		}
		if strings.HasPrefix(call.function, "main.gantryFail") || strings.HasPrefix(call.function, "main.gantryShow") || call.function == "main.must[...]" || call.function == "main.check" {
			continue // see package analysis
		}
		if call.file != filepath.Join(r.Dir, r.File) || !strings.HasPrefix(call.function, "main.") {
			if !mine && !call.created && !above && !ofRuntime(call) {
				above = true
				out = append(out, dim(fmt.Sprintf("in %s, %s:%d", call.function, shortPath(call.file), call.line)))
			}
			continue
		}
		at := r.locate(call.line)
		if at.source == nil || slices.Contains(seen, at) {
			continue
		}
		wrapped := at.source.Wraps
		if wrapped && call.function == "main.main" {
			continue // which calls the body
		}
		seen = append(seen, at)
		verb := ", in "
		if call.created {
			verb = ", which started this goroutine, in "
		}
		out = append(out, at.String()+verb+functionName(call.function, wrapped)+":")
		around := 0
		if !mine {
			around = 1
		}
		out = append(out, at.excerpt(around)...)
		mine = true
	}
	return out, mine
}

// frames reads the calls of a goroutine's trace, innermost first.
func frames(block string) []frame {
	var out []frame
	lines := strings.Split(block, "\n")
	for i := 1; i < len(lines); i++ {
		found := framePattern.FindStringSubmatch(lines[i])
		if found == nil {
			continue
		}
		call := frame{function: lines[i-1], file: found[1]}
		call.line, _ = strconv.Atoi(found[2])
		if created := createdPattern.FindStringSubmatch(call.function); created != nil {
			call.created, call.function = true, created[1]
		} else if at := strings.LastIndexByte(call.function, '('); at > 0 {
			call.function = call.function[:at]
		}
		out = append(out, call)
	}
	return out
}

// ofRuntime tells whether a call says nothing about the user's program.
func ofRuntime(call frame) bool {
	return strings.HasPrefix(call.function, "runtime.") || strings.HasPrefix(call.function, "runtime/") ||
		strings.HasPrefix(call.function, "internal/") || strings.HasPrefix(call.function, "sync.") || strings.HasPrefix(call.function, "syscall.") ||
		call.function == "panic"
}

// functionName says main.f as f, and what Go calls main.main.func1 in words. In a cell that package analysis has composed that is the
// body of main.
func functionName(name string, wrapped bool) string {
	name = strings.TrimPrefix(name, "main.")
	if wrapped {
		for strings.HasPrefix(name, "main.main.") { // a literal whose call the compiler has put in its place
			name = strings.TrimPrefix(name, "main.")
		}
		if rest, ok := strings.CutPrefix(name, "main.func1"); ok {
			name = "main"
			if rest != "" {
				name += ".func"
			}
		}
	}
	if strings.HasPrefix(name, "gantryLit") {
		return "a function literal"
	}
	if outer, _, ok := strings.Cut(name, ".func"); ok {
		return "a function literal of " + outer
	}
	return name
}

// shortPath leaves of a source file's path what names the package and the file.
func shortPath(path string) string {
	if _, rest, ok := strings.Cut(path, "/pkg/mod/"); ok {
		return rest
	}
	parts := strings.Split(path, "/")
	return strings.Join(parts[max(0, len(parts)-3):], "/")
}
