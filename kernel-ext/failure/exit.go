package failure

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// frameLine matches the second line of a stack frame.
var frameLine = regexp.MustCompile(`\.(go|s):\d+( \+0x[0-9a-f]+)?$`)

// Exited explains a program that ended with a status, or was killed: words say how, lastLine is what it said last on
// stderr, stdout the end of what it printed if it ran tests.
func (r *Report) Exited(words, lastLine, stdout string) Failure {
	if r.Test {
		return r.tested(words, stdout)
	}
	f := Failure{Name: "exit", Value: words}
	if strings.HasPrefix(words, "signal: ") {
		f.Name = "killed"
		if words == "signal: killed" {
			f.Value += "; a program that needs more memory than there is ends like this"
		}
	} else if lastLine != "" && !frameLine.MatchString(lastLine) {
		f.Value += ": " + lastLine
	}
	places := r.exits(strings.TrimPrefix(words, "exit status "))
	for i, at := range places {
		prefix := ""
		if i > 0 {
			prefix = "or "
		}
		f.Trace = append(append(f.Trace, prefix+at.String()+":"), at.excerpt(0)...)
	}
	if len(places) == 0 {
		f.Trace = r.numbered()
	}
	return f
}

var testPattern = regexp.MustCompile(`(?m)^ +main_test\.go:(\d+): (.*)$`)

// tested explains tests that failed.
func (r *Report) tested(words, stdout string) Failure {
	f := Failure{Name: "test", Value: words}
	for _, found := range testPattern.FindAllStringSubmatch(stdout, -1) {
		line, _ := strconv.Atoi(found[1])
		at := r.locate(line)
		if len(f.Trace) == 0 {
			f.Value = found[2]
		}
		f.Trace = append(append(f.Trace, at.String()+": "+found[2]), at.excerpt(0)...)
	}
	return f
}

// exits lists the calls of the program that end it with a status: there is no trace of the one it was.
func (r *Report) exits(status string) []spot {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, filepath.Join(r.Dir, r.File), nil, 0)
	if err != nil {
		return nil
	}
	var found []spot
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		exits := false
		switch called := types.ExprString(call.Fun); {
		case called == "os.Exit" && len(call.Args) == 1:
			literal, ok := call.Args[0].(*ast.BasicLit)
			exits = !ok || literal.Value == status
		case strings.HasPrefix(called, "log.Fatal"), strings.HasPrefix(called, "klog.Fatal"):
			exits = status == "1"
		}
		if exits {
			if at := r.locate(files.Position(call.Pos()).Line); at.source != nil && !slices.Contains(found, at) {
				found = append(found, at)
			}
		}
		return true
	})
	return found
}
