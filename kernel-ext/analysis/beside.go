package analysis

import (
	"fmt"
	"go/types"
	"maps"
	"slices"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// The packages that the file beside a program uses.
const (
	keepPackage  = "gantry.local/kernel-ext/keep"
	gomlxPackage = "gantry.local/kernel-ext/keep/gomlx"
	valuePackage = "gantry.local/kernel-ext/value"

	picturePackage   = valuePackage + "/picture"
	gomlxFormPackage = valuePackage + "/gomlx"
)

// The functions that a cell calls without declaring them. They import little, so that a cell is linked as quickly with them.
const (
	showSource = `func gantryShow(values ...any) {
	if err := (%s.Options{Forms: []%s.Form{%s}}).Show(values...); err != nil {
		println("gantry: the value cannot be shown: " + err.Error())
	}
}
`
	showSafelySource = `func gantryShowOf(values ...any) {
	last := len(values) - 1
	if err, ok := values[last].(error); ok {
		gantryFail(err)
	}
	gantryShow(values[:last]...)
}
`
	// The places in cells that an error with a stack names are told to package failure.
	failSource = `var gantryStopped bool

func gantryRest() {
	if gantryStopped {
		recover()
	}
}
func gantryFail(err error) {
	if err == nil {
		return
	}
	words := err.Error()
	for inner := err; inner != nil; {
		if _, ok := inner.(interface{ CellInterrupted() }); ok {
			gantryStopped = true
			panic(words)
		}
		wrapper, ok := inner.(interface{ Unwrap() error })
		if !ok {
			break
		}
		if inner = wrapper.Unwrap(); inner != nil && !%[2]s.Contains(words, inner.Error()) {
			words += "\nbecause " + inner.Error()
		}
	}
	lines := %[2]s.Split(%[1]s.Sprintf("%%+v", err), "\n")
	for i := 1; i < len(lines); i++ {
		if function := lines[i-1]; %[2]s.HasPrefix(function, "main.") && %[2]s.HasPrefix(lines[i], "\t") && !%[2]s.HasPrefix(function, "main.main") {
			words += "\nin " + function + " at " + lines[i][1:]
		}
	}
	%[3]s
	panic(words)
}
`
	nodeSource = `var (
	gantryNodeNames = map[string]*%[1]s.Node{}
	gantryNodesMu   %[2]s.Mutex
)

func gantryNode(name string, n *%[1]s.Node) {
	gantryNodesMu.Lock()
	defer gantryNodesMu.Unlock()
	gantryNodeNames[name] = n
}
func gantryNodes() (words string) {
	gantryNodesMu.Lock()
	defer gantryNodesMu.Unlock()
	for name, n := range gantryNodeNames {
		if n != nil {
			words += "\nwhere " + name + " is " + n.Shape().String()
		}
	}
	return words
}
`
	warnSource = `func gantryWarn(name string, err error) {
	if err != nil {
		println("warning: " + name + " is left as it is: " + err.Error())
	}
}
`
)

// binding binds a variable of the program to what is kept under a name.
type binding struct {
	name, ident string
	fresh       bool // it does not begin with what is kept
	again       bool // the name has been that of another one
	old         bool // it is not kept: the name is another's now
}

// bind lists the variables that the program begins with, or leaves behind.
func (r *reading) bind() {
	for _, v := range r.lifted {
		if !v.local {
			_, kept := r.Values[v.name]
			r.bound = append(r.bound, binding{name: v.name, ident: v.ident, fresh: v.fresh || !kept, again: r.declaredAgain(v)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		ident := r.Earlier.Variables[name]
		if r.made[name] {
			r.bound = append(r.bound, binding{name: name, ident: ident, fresh: true})
			r.out.Values = append(r.out.Values, name)
		} else if r.Values[name].Why == "" && r.needed.variables[ident] && r.liftedAs(name) == nil && !slices.Contains(r.out.Dropped, name) {
			r.bound = append(r.bound, binding{name: name, ident: ident})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.olds)) {
		if r.Values[name].Why == "" {
			r.bound = append(r.bound, binding{name: name, ident: golang.OldPrefix + name, old: true})
		}
	}
}

// ends tells whether something is to be done when the cell's statements have been run.
func (r *reading) ends() bool { return len(r.bound) > 0 || len(r.errorsSet()) > 0 }

// beside writes the file beside the program: it brings the values that the program begins with, keeps those that it leaves behind, and has
// the functions that the cell calls without declaring them. It is empty where nothing of that is to be done.
func (r *reading) beside() string {
	if r.needed.ours[nodeFunction] {
		r.ours[nodeFunction] = true
	}
	for name := range helpers() {
		if r.needed.ours[name] {
			r.ours[name] = true
			r.ours[failFunction] = true
		}
	}
	if r.rests() {
		r.ours[failFunction] = true
	}
	blank := r.blankImports()
	if len(r.ours) == 0 && !r.ends() && len(blank) == 0 {
		return ""
	}
	var body strings.Builder
	imports := map[string]string{} // path -> name
	use := func(path string) string {
		imports[path] = r.alias(path)
		return imports[path]
	}
	for _, b := range r.bound {
		if b.old {
			fmt.Fprintf(&body, "var %s %s\n", b.ident, r.typeText(r.olds[b.name]))
		}
	}
	body.WriteString(r.pointers())
	if len(r.bound) > 0 {
		r.besideValues(&body, use)
	}
	if r.ends() && !r.text.Has("%test") {
		fmt.Fprintf(&body, "func %s() {\n", endFunction)
		for _, name := range r.errorsSet() {
			r.ours[warnFunction] = true
			fmt.Fprintf(&body, "\t%s(%q, %s)\n", warnFunction, strings.TrimPrefix(name, golang.TakenPrefix), name)
		}
		if len(r.bound) > 0 {
			fmt.Fprintf(&body, "\t%s.End()\n", use(keepPackage))
		}
		body.WriteString("}\n")
	}
	if r.ours[showSafely] {
		r.ours[showFunction], r.ours[failFunction] = true, true
	}
	for _, name := range slices.Sorted(maps.Keys(r.ours)) {
		switch name {
		case showFunction:
			forms := []string{}
			if r.showsPictures {
				forms = append(forms, use(picturePackage)+".Form")
			}
			if r.usesGoMLX() {
				forms = append(forms, use(gomlxFormPackage)+".Form")
			}
			value := use(valuePackage)
			fmt.Fprintf(&body, showSource, value, value, strings.Join(forms, ", "))
		case showSafely:
			body.WriteString(showSafelySource)
		case failFunction:
			nodes := ""
			if r.ours[nodeFunction] {
				nodes = "words += gantryNodes()"
			}
			fmt.Fprintf(&body, failSource, use("fmt"), use("strings"), nodes)
		case nodeFunction:
			fmt.Fprintf(&body, nodeSource, use(graphPackage), use("sync"))
		case warnFunction:
			body.WriteString(warnSource)
		case "must":
			body.WriteString("func must[T any](value T, err error) T {\n\t" + failFunction + "(err)\n\treturn value\n}\n")
		case "check":
			body.WriteString("func check(err error) { " + failFunction + "(err) }\n")
		}
	}
	for path, name := range r.aliases { // of the types of old variables
		if strings.Contains(body.String(), name+".") {
			imports[path] = name
		}
	}
	var file strings.Builder
	file.WriteString("package main\n")
	for _, path := range slices.Sorted(maps.Keys(imports)) {
		fmt.Fprintf(&file, "import %s %q\n", imports[path], path)
	}
	for _, path := range blank {
		fmt.Fprintf(&file, "import _ %q\n", path)
	}
	return file.String() + body.String()
}

// besideValues writes what brings the values.
func (r *reading) besideValues(body *strings.Builder, use func(path string) string) {
	keep := use(keepPackage)
	fmt.Fprintf(body, "func init() {\n\t%s.Begin(%s.Program{Cell: %d, Vars: []%s.Var{\n", keep, keep, r.number, keep)
	for _, b := range r.bound {
		now := ""
		if b.again {
			now = ", Now: &" + golang.AtPrefix + b.name
		}
		fmt.Fprintf(body, "\t\t{Name: %q, At: &%s, New: %t, Old: %t%s},\n", b.name, b.ident, b.fresh, b.old, now)
	}
	body.WriteString("\t}")
	for obj := range r.needed.objects {
		if f, ok := obj.(*types.Func); ok && f.Signature().Recv() == nil && f.Signature().TypeParams().Len() == 0 && !strings.HasPrefix(f.Name(), "init") && f.Name() != "main" {
			r.needed.code["main."+f.Name()] = "\"main\"." + f.Name() // a value may hold it
		}
	}
	for path, names := range r.makers {
		for _, name := range names {
			r.needed.code[path+"."+name] = fmt.Sprintf("%q.%s", path, name)
		}
	}
	if len(r.needed.code) > 0 {
		body.WriteString(", Code: map[string]any{\n")
		for _, name := range slices.Sorted(maps.Keys(r.needed.code)) {
			fmt.Fprintf(body, "\t\t%q: %s,\n", name, inProgram(r.needed.code[name], use))
		}
		body.WriteString("\t}")
	}
	if len(r.needed.types) > 0 {
		body.WriteString(", Types: []any{\n")
		for _, expr := range r.needed.types {
			fmt.Fprintf(body, "\t\t(*%s)(nil),\n", inProgram(expr, use))
		}
		body.WriteString("\t}")
	}
	if r.usesGoMLX() {
		fmt.Fprintf(body, ", Adapters: %s.Adapters()", use(gomlxPackage))
	}
	body.WriteString("})\n}\n")
}

// usesGoMLX tells whether there can be values of GoMLX in the program.
func (r *reading) usesGoMLX() bool {
	of := func(path string) bool {
		return strings.HasPrefix(path, "github.com/gomlx/") || strings.HasPrefix(path, "gantry.local/gan") || strings.HasPrefix(path, "gantry.local/kernel-ext/lab")
	}
	return slices.ContainsFunc(slices.Collect(maps.Keys(r.needed.packages)), of) || slices.ContainsFunc(slices.Collect(maps.Keys(r.aliases)), of) ||
		slices.ContainsFunc(r.needed.types, func(expr string) bool {
			return strings.Contains(expr, "gomlx") || strings.Contains(expr, "gantry.local/")
		})
}

// inProgram writes a type whose packages have their paths in quotes.
func inProgram(expr string, use func(path string) string) string {
	parts := strings.Split(expr, "\"")
	for i := 1; i < len(parts); i += 2 {
		if parts[i] == "main" {
			parts[i], parts[i+1] = "", strings.TrimPrefix(parts[i+1], ".")
		} else {
			parts[i] = use(parts[i])
		}
	}
	return strings.Join(parts, "")
}
