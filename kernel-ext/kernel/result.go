package kernel

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gantry.local/kernel-ext/internal/wholefile"
)

// A cell may end in an expression, which Go rejects as not used. This kernel hands its value to a function that it
// lays beside the cell's program for the time of the cell, a file of its own in the folder where GoNB builds. So the
// cell keeps its lines, GoNB remembers nothing of it, and no import has to be resolved.
const (
	showFunction = "gantryShowValue"
	showFile     = "gantry_value.go"
	valueFile    = "gantry_value.json" // where the function leaves the value, as Jupyter's MIME bundle
)

const showSource = `package main

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
)

// gantryShowValue leaves the value of the cell's last expression for the kernel.
func gantryShowValue(v any) {
	const most = 1 << 20
	text := ""
	data := map[string]any{}
	switch picture := v.(type) {
	case image.Image:
		var b bytes.Buffer
		if err := png.Encode(&b, picture); err == nil {
			data["image/png"] = b.Bytes()
		}
		text = fmt.Sprintf("%T of %v", v, picture.Bounds().Size())
	default:
		text = fmt.Sprintf("%v", v)
	}
	if len(text) > most {
		text = text[:most] + "…"
	}
	data["text/plain"] = text
	if v, ok := v.(interface{ HTML() string }); ok {
		data["text/html"] = v.HTML()
	}
	if v, ok := v.(interface{ Markdown() string }); ok {
		data["text/markdown"] = v.Markdown()
	}
	if v, ok := v.(interface{ Latex() string }); ok {
		data["text/latex"] = v.Latex()
	}
	if v, ok := v.(interface{ SVG() string }); ok {
		data["image/svg+xml"] = v.SVG()
	}
	if v, ok := v.(interface{ PNG() []byte }); ok {
		data["image/png"] = v.PNG()
	}
	said, err := json.Marshal(data)
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Getenv("GONB_TMP_DIR"), "` + valueFile + `"), said, 0o600)
	}
	if err != nil {
		fmt.Println(text)
	}
}
`

// showLast rewrites the last statement of a cell's main where it is an expression that Go does not take as a
// statement: its value goes to showFunction, or nowhere when a semicolon follows. known tells the names that earlier
// cells declare as types. It returns false where the cell stays as it is.
func showLast(t cellText, known func(name string) bool) (code string, shows bool) {
	code = strings.Join(t.lines, "\n")
	if t.magic != "" || t.has("%test") || t.has("%wasm") {
		return code, false
	}
	source := t.program("package main")
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, 0)
	if err != nil {
		return code, false
	}
	expression := lastExpression(file)
	if expression == nil || legalStatement(expression, typeNames(file, known)) {
		return code, false
	}
	from, to := files.Position(expression.Pos()), files.Position(expression.End())
	lines := slices.Clone(t.lines)
	insert := func(p token.Position, text string) {
		at := t.inCell(placeAt(p))
		lines[at.line] = lines[at.line][:at.column] + text + lines[at.line][at.column:]
	}
	if strings.HasPrefix(strings.TrimLeft(source[to.Offset:], " \t"), ";") {
		insert(from, "_ = ")
		return strings.Join(lines, "\n"), false
	}
	insert(to, ")")
	insert(from, showFunction+"(")
	return strings.Join(lines, "\n"), true
}

// lastExpression returns the expression that is the last statement of main, or nil.
func lastExpression(file *ast.File) ast.Expr {
	for _, d := range file.Decls {
		main, ok := d.(*ast.FuncDecl)
		if !ok || main.Recv != nil || main.Name.Name != "main" || main.Body == nil || len(main.Body.List) == 0 {
			continue
		}
		if last, ok := main.Body.List[len(main.Body.List)-1].(*ast.ExprStmt); ok {
			return last.X
		}
	}
	return nil
}

// typeNames returns a function that tells whether a name is a type, by what the file, earlier cells and Go declare.
func typeNames(file *ast.File, known func(string) bool) func(string) bool {
	here := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.TypeSpec); ok {
			here[s.Name.Name] = true
		}
		return true
	})
	basic := []string{"any", "bool", "byte", "complex128", "complex64", "error", "float32", "float64", "int", "int16",
		"int32", "int64", "int8", "rune", "string", "uint", "uint16", "uint32", "uint64", "uint8", "uintptr"}
	return func(name string) bool { return here[name] || known(name) || slices.Contains(basic, name) }
}

// legalStatement tells whether Go takes an expression as a statement: calls and receive operations, but neither
// conversions nor the built-in functions that only compute. A function literal counts as one, for a call is what is
// missing there.
func legalStatement(e ast.Expr, isType func(string) bool) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.FuncLit, *ast.BadExpr:
		return true
	case *ast.UnaryExpr:
		return e.Op == token.ARROW
	case *ast.CallExpr:
		switch called := ast.Unparen(e.Fun).(type) {
		case *ast.Ident:
			computes := []string{"append", "cap", "complex", "imag", "len", "make", "max", "min", "new", "real"}
			return !isType(called.Name) && !slices.Contains(computes, called.Name)
		case *ast.SelectorExpr:
			x, ok := called.X.(*ast.Ident)
			return !ok || x.Name != "unsafe"
		case *ast.StarExpr:
			return !namesType(called.X, isType)
		case *ast.IndexExpr:
			return !namesType(called.X, isType)
		case *ast.ArrayType, *ast.ChanType, *ast.FuncType, *ast.InterfaceType, *ast.MapType:
			return false
		}
		return true
	}
	return false
}

func namesType(e ast.Expr, isType func(string) bool) bool {
	name, ok := e.(*ast.Ident)
	return ok && isType(name.Name)
}

// offerValue lays showFunction beside the cell's program, if the cell shows a value.
func (p *proxy) offerValue(plan *plan) error {
	if !plan.shows {
		return nil
	}
	return wholefile.WriteTransient(filepath.Join(p.engine.dir, showFile), []byte(showSource), 0o600)
}

// withdrawValue takes it away again.
func (p *proxy) withdrawValue(plan *plan) {
	if !plan.shows {
		return
	}
	if err := os.Remove(filepath.Join(p.engine.dir, showFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.log.Printf("cell module: %v", err)
	}
}

// takeValue returns what showFunction left, as a MIME bundle, or nil.
func (p *proxy) takeValue(plan *plan) map[string]any {
	if !plan.shows {
		return nil
	}
	path := filepath.Join(p.engine.dir, valueFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil // no value
	}
	if err := os.Remove(path); err != nil {
		p.log.Printf("value of a cell: %v", err)
	}
	var data map[string]any
	if err := json.Unmarshal(text, &data); err != nil {
		p.log.Printf("value of a cell: %v", err)
		return nil
	}
	return data
}
