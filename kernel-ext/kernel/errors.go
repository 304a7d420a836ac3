package kernel

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gantry.local/kernel-ext/jupyter"
)

// failure is how a cell failed, for the error message and the reply.
type failure struct {
	name, value string
	trace       []string // behind the first line, which says name and value
}

// content is the failure as the protocol wants it.
func (f failure) content() map[string]any {
	title := f.value
	if !strings.HasPrefix(f.value, f.name) { // as in exit: exit status 1
		title = f.name + ": " + f.value
	}
	return map[string]any{
		"status": "error", "ename": f.name, "evalue": f.value, "traceback": append([]string{red(title)}, f.trace...),
	}
}

const (
	redOn, dimOn, boldOn, colorOff = "\x1b[1;31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
)

func red(text string) string { return redOn + text + colorOff }
func dim(text string) string { return dimOn + text + colorOff }

// explain looks at GoNB's reply to a cell that is over, publishes the cell's error if it failed, and returns the content
// of the reply for the front-end. GoNB takes failing shell lines and interrupted ones for successes, and it says neither
// what a program that failed said last, nor where.
func (p *proxy) explain(c *cell, reply map[string]any) map[string]any {
	if c.course.interrupts.Load() > 0 {
		select {
		case <-c.course.stopped:
		case <-p.done:
		}
	}
	failed := reply["status"] != "ok" || len(c.course.failures()) > 0 || c.course.interrupts.Load() > 0
	c.course.displays.Load().drain()
	p.drainPrinted()
	said := p.output.end(failed)
	if !failed {
		p.memorize(c)
		return reply
	}
	value, _ := reply["evalue"].(string)
	sources := append([]source{newSource(c)}, p.sources...)
	report := report{p: p, c: c, text: sources}
	var f failure
	switch {
	case c.course.interrupts.Load() > 0:
		f = report.interrupted()
	case len(c.course.failures()) > 0 && p.gonb.scripts.begun() > 0 && (reply["status"] == "ok" || p.gonb.scripts.halted()):
		f = report.shell(c.course.failures()[0])
	case said.panic != "":
		f = report.panicked(said.panic)
	case said.released != "" && strings.TrimSpace(value) == "exit status 2":
		f = report.panicked(said.released)
	case exitWords.MatchString(strings.TrimSpace(value) + "\n"):
		f = report.exited(strings.TrimSpace(value), said)
	default:
		f = report.rejected(value)
	}
	p.memorize(c) // its declarations stay if it was built, whatever came after
	content := f.content()
	p.publish(jupyter.NewMessage(p.session, "error", c.message, map[string]any{
		"ename": content["ename"], "evalue": content["evalue"], "traceback": content["traceback"],
	}))
	return content
}

// source is the text of a cell that was run.
type source struct {
	number      int
	sent, shown []string // as GoNB got it and as the user wrote it, line by line the same
}

func newSource(c *cell) source {
	return source{number: c.course.number, sent: strings.Split(c.course.sent, "\n"), shown: strings.Split(c.code, "\n")}
}

// memorize remembers a cell, for later errors in what it declares.
func (p *proxy) memorize(c *cell) {
	const most = 1000
	p.sources = append([]source{newSource(c)}, p.sources[:min(len(p.sources), most-1)]...)
}

// spot is a line of a cell.
type spot struct {
	source *source
	line   int // from 0
	column int // from 1; 0: not known
}

// String names the cell and the line.
func (at spot) String() string {
	if at.source == nil {
		return "this cell"
	}
	if at.source.number == 0 {
		return fmt.Sprintf("this cell, line %d", at.line+1)
	}
	return fmt.Sprintf("cell [%d], line %d", at.source.number, at.line+1)
}

// excerpt shows the line, those around it, and where in it.
func (at spot) excerpt(around int) []string {
	if at.source == nil {
		return nil
	}
	var out []string
	for i := max(0, at.line-around); i <= min(at.line+around, len(at.source.shown)-1); i++ {
		text := strings.ReplaceAll(at.source.shown[i], "\t", "    ")
		if i != at.line {
			if strings.TrimSpace(text) != "" {
				out = append(out, dim(fmt.Sprintf("   %4d │ %s", i+1, text)))
			}
			continue
		}
		out = append(out, fmt.Sprintf("-> %4d │ %s", i+1, text))
		if at.column > 0 && at.column <= len(at.source.shown[i])+1 {
			before := strings.ReplaceAll(at.source.shown[i][:at.column-1], "\t", "    ")
			out = append(out, "        │ "+strings.Repeat(" ", len([]rune(before)))+red("^"))
		}
	}
	return out
}

// report explains the failure of one cell.
type report struct {
	p    *proxy
	c    *cell
	text []source            // of the cells, the failing one first
	made map[string][]string // the Go files that GoNB made of them, by name
}

// made returns the lines of a file that GoNB made of the cells.
func (r *report) lines(file string) []string {
	if lines, ok := r.made[file]; ok {
		return lines
	}
	var lines []string
	if r.p.module != nil {
		if text, err := os.ReadFile(filepath.Join(r.p.module.dir, file)); err == nil {
			lines = strings.Split(string(text), "\n")
		}
	}
	if r.made == nil {
		r.made = map[string][]string{}
	}
	r.made[file] = lines
	return lines
}

// locate finds the line of a cell that became a line of a file, counted from 1, by the text of that line and of those
// around it: GoNB puts the declarations of all cells together, but changes little in them. Where the text is in more
// than one place, more lines around it decide, then the failing cell, then the latest.
func (r *report) locate(file string, line, column int) spot {
	lines := r.lines(file)
	if line < 1 {
		return spot{}
	}
	line = min(line, len(lines))
	best, found := 0, spot{}
	for ; line > 0; line, column = line-1, 0 { // what GoNB has added belongs to what is above it
		for s := range r.text {
			source := &r.text[s]
			for i := range source.sent {
				if score := likeness(lines, line-1, source.sent, i); score > best {
					best, found = score, spot{source: source, line: i}
				}
			}
		}
		if found.source != nil {
			break
		}
	}
	if found.source != nil && column > 0 {
		here, there := lines[line-1], found.source.shown[found.line]
		if at := strings.Index(there, strings.TrimSpace(here)); at >= 0 {
			found.column = max(1, at+column-(len(here)-len(strings.TrimLeft(here, " \t"))))
		}
	}
	return found
}

// likeness tells how well line i of a file fits line j of a cell: 0 not at all, else more the more lines around are equal.
func likeness(file []string, i int, cell []string, j int) int {
	score := alike(file[i], cell[j])
	if score == 0 {
		return 0
	}
	lone := score
	for _, step := range []int{-1, 1} {
		for n := 1; ; n++ {
			a, b := i+step*n, j+step*n
			if a < 0 || b < 0 || a >= len(file) || b >= len(cell) || strings.TrimSpace(file[a]) != strings.TrimSpace(cell[b]) {
				break
			}
			score += 4
		}
	}
	if score == lone && len(strings.TrimSpace(file[i])) < 3 { // a brace is everywhere
		return 0
	}
	return score
}

// alike compares two lines: GoNB takes the keyword of a declaration away and joins its words with one space.
func alike(file, cell string) int {
	a, b := strings.TrimSpace(file), strings.TrimSpace(cell)
	switch {
	case a == "":
		return 0
	case a == b:
		return 3
	case len(a) > 2 && strings.Contains(strings.Join(strings.Fields(b), " "), strings.Join(strings.Fields(a), " ")):
		return 1
	}
	return 0
}

func (r *report) interrupted() failure {
	f := failure{name: "Interrupted", value: "the cell was interrupted"}
	if at, ok := r.shellLine(r.p.gonb.scripts.begun()); ok && len(r.c.course.failures()) > 0 {
		f.trace = append([]string{at.String() + ":"}, at.excerpt(0)...)
	} else if r.c.course.number > 0 {
		f.trace = []string{fmt.Sprintf("cell [%d]", r.c.course.number)}
	}
	return f
}

// shellLine returns the place of the nth shell line of the cell, from 1; of a cell that is a script, its first line.
func (r *report) shellLine(n int) (spot, bool) {
	if r.c.text.Magic != "" {
		return spot{source: &r.text[0]}, true
	}
	line := r.c.text.ShellLine(n)
	return spot{source: &r.text[0], line: max(0, line)}, line >= 0
}

func (r *report) shell(words string) failure {
	n := r.p.gonb.scripts.begun()
	at, ok := r.shellLine(n)
	if !ok || !r.p.gonb.scripts.halted() && n > 1 { // the line took the trap away, and others followed
		return failure{name: "shell", value: "a shell line failed: " + words}
	}
	line := strings.TrimSpace(at.source.shown[at.line])
	return failure{
		name: "shell", value: fmt.Sprintf("%s: %s", line, words),
		trace: append([]string{at.String() + ":"}, at.excerpt(0)...),
	}
}

var (
	framePattern   = regexp.MustCompile(`^\t(.+\.(?:go|s)):(\d+)(?: \+0x.*)?$`)
	createdPattern = regexp.MustCompile(`^created by (.+?)(?: in goroutine \d+)?$`)
	mapPattern     = regexp.MustCompile(` \x1b\[7m\[\[ Cell .*? \]\]\x1b\[0m `) // what GoNB puts into traces
)

// frame is one call of a goroutine's trace.
type frame struct {
	function, file string
	line           int
	created        bool // it started the goroutine
}

// panicked explains the last words of a program: the runtime's message and the traces of its goroutines.
func (r *report) panicked(words string) failure {
	words = mapPattern.ReplaceAllString(words, "")
	message, traces, _ := strings.Cut(words, "\n\n")
	f := failure{}
	f.name, f.value, _ = strings.Cut(strings.TrimSpace(message), ": ")
	if rest, ok := strings.CutPrefix(f.value, "runtime error: "); ok {
		f.name, f.value = "runtime error", rest
	}
	f.value, _, _ = strings.Cut(f.value, "\n[signal ")
	f.value, _, _ = strings.Cut(f.value, "\nPC=") // a crash in C, such as a check that failed in XLA
	for block := range strings.SplitSeq(traces, "\n\n") {
		if !strings.HasPrefix(block, "goroutine ") {
			continue // the runtime's own stack
		}
		if trace, mine := r.trace(block); mine {
			f.trace = trace
			break
		} else if f.trace == nil {
			f.trace = trace
		}
	}
	return f
}

// trace shows one goroutine's calls: those in cells with their lines, and the one of a library that came to grief.
// mine tells whether one is in a cell.
func (r *report) trace(block string) (out []string, mine bool) {
	const most = 20
	above := false
	var seen []spot
	for _, call := range frames(block) {
		if len(out) > 6*most {
			break
		}
		name := filepath.Base(call.file)
		if r.p.module == nil || filepath.Dir(call.file) != r.p.module.dir || !strings.HasPrefix(call.function, "main.") {
			if !mine && !call.created && !above && !ofRuntime(call) {
				above = true
				out = append(out, dim(fmt.Sprintf("in %s, %s:%d", call.function, shortPath(call.file), call.line)))
			}
			continue
		}
		at := r.locate(name, call.line, 0)
		if at.source == nil || slices.Contains(seen, at) {
			continue
		}
		seen = append(seen, at)
		verb := ", in "
		if call.created {
			verb = ", which started this goroutine, in "
		}
		out = append(out, at.String()+verb+functionName(call.function)+":")
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

// functionName says main.f as f, and what Go calls main.main.func1 in words.
func functionName(name string) string {
	name = strings.TrimPrefix(name, "main.")
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

// frameLine matches the second line of a stack frame.
var frameLine = regexp.MustCompile(`\.(go|s):\d+( \+0x[0-9a-f]+)?$`)

// exited explains a program that ended with a status, or was killed.
func (r *report) exited(words string, said ended) failure {
	if r.c.text.Has("%test") {
		return r.tested(words, said.stdout)
	}
	f := failure{name: "exit", value: words}
	if strings.HasPrefix(words, "signal: ") {
		f.name = "killed"
		if words == "signal: killed" {
			f.value += "; a program that needs more memory than there is ends like this"
		}
	} else if said.lastLine != "" && !frameLine.MatchString(said.lastLine) {
		f.value += ": " + said.lastLine
	}
	places := r.exits(strings.TrimPrefix(words, "exit status "))
	for i, at := range places {
		prefix := ""
		if i > 0 {
			prefix = "or "
		}
		f.trace = append(append(f.trace, prefix+at.String()+":"), at.excerpt(0)...)
	}
	if len(places) == 0 && r.c.course.number > 0 {
		f.trace = []string{fmt.Sprintf("cell [%d]", r.c.course.number)}
	}
	return f
}

var testPattern = regexp.MustCompile(`(?m)^ +main_test\.go:(\d+): (.*)$`)

// tested explains tests that failed.
func (r *report) tested(words, stdout string) failure {
	f := failure{name: "test", value: words}
	for _, found := range testPattern.FindAllStringSubmatch(stdout, -1) {
		line, _ := strconv.Atoi(found[1])
		at := r.locate("main_test.go", line, 0)
		if len(f.trace) == 0 {
			f.value = found[2]
		}
		f.trace = append(append(f.trace, at.String()+": "+found[2]), at.excerpt(0)...)
	}
	return f
}

// exits lists the calls of the program that end it with a status: there is no trace of the one it was.
func (r *report) exits(status string) []spot {
	lines := r.lines("main.go")
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", strings.Join(lines, "\n"), 0)
	if err != nil {
		return nil
	}
	var found []spot
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		called, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		exits := false
		switch x, _ := called.X.(*ast.Ident); {
		case x == nil:
		case x.Name == "os" && called.Sel.Name == "Exit" && len(call.Args) == 1:
			literal, ok := call.Args[0].(*ast.BasicLit)
			exits = !ok || literal.Value == status
		case x.Name == "log" || x.Name == "klog":
			exits = status == "1" && strings.HasPrefix(called.Sel.Name, "Fatal")
		}
		if exits {
			if at := r.locate("main.go", files.Position(call.Pos()).Line, 0); at.source != nil && !slices.Contains(found, at) {
				found = append(found, at)
			}
		}
		return true
	})
	return found
}

var compilePattern = regexp.MustCompile(`^(?:.*/)?(main(?:_test)?\.go):(\d+):(?:(\d+):)? (.*)$`)

// rejected explains what the Go tools, or GoNB, say against a cell.
func (r *report) rejected(value string) failure {
	var problems []problem
	var other []string
	for line := range strings.Lines(value) {
		line = strings.TrimRight(line, "\n")
		found := compilePattern.FindStringSubmatch(line)
		switch {
		case found != nil:
			one := problem{message: found[4]}
			number, _ := strconv.Atoi(found[2])
			column, _ := strconv.Atoi(found[3])
			one.at = r.locate(found[1], number, column)
			if !slices.ContainsFunc(problems, func(p problem) bool { return p == one }) {
				problems = append(problems, one)
			}
		case len(problems) > 0 && strings.HasPrefix(line, "\t"):
			last := &problems[len(problems)-1].message
			if module, ok := strings.CutPrefix(line, "\tgo get "); ok {
				*last = strings.TrimSuffix(*last, ":") + " run, in a cell: !*go get " + module
			} else {
				*last += "\n" + line
			}
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "# "), strings.HasPrefix(line, "exit status "):
		default:
			other = append(other, line)
		}
	}
	if len(problems) == 0 {
		return r.refused(other)
	}
	first := problems[0]
	f := failure{name: "compile error", value: first.message}
	if n := len(problems) - 1; n > 0 {
		first, rest, _ := strings.Cut(first.message, "\n")
		f.value = first
		if rest != "" {
			f.value += "\n" + rest
		}
		f.value += fmt.Sprintf(" (and %s)", counted(n, "more problem"))
	}
	for i, problem := range problems {
		title := problem.at.String() + ":"
		if i > 0 {
			title += " " + problem.message
		}
		f.trace = append(append(f.trace, title), problem.at.excerpt(1)...)
	}
	f.trace = append(f.trace, other...)
	return f
}

// problem is one complaint of the compiler.
type problem struct {
	message string
	at      spot
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// refused explains an error that names no line of a program.
func (r *report) refused(lines []string) failure {
	f := failure{name: "error"}
	if len(lines) > 0 {
		f.value = strings.TrimSpace(lines[0])
		f.value = strings.TrimPrefix(f.value, "executing special commands in cell: ")
		f.trace = lines[1:]
	}
	if r.c.course.number > 0 {
		f.trace = append([]string{fmt.Sprintf("cell [%d]", r.c.course.number)}, f.trace...)
	}
	return f
}
