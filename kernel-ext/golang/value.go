package golang

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// A cell may end in an expression, which Go rejects as not used. The kernel hands its value to a function that it
// lays beside the cell's program for the time of the cell, a file of its own in the folder where GoNB builds. So the
// cell keeps its lines, GoNB remembers nothing of it, and no import has to be resolved.
const (
	ShowFunction = "gantryShowValue"
	ShowFile     = "gantry_value.go"   // where the function is
	ValueFile    = "gantry_value.json" // where the function leaves the value, as Jupyter's MIME bundle
)

// ShowSource is the file with the function.
const ShowSource = `package main

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		err = os.WriteFile(filepath.Join(os.Getenv("GONB_TMP_DIR"), "` + ValueFile + `"), said, 0o600)
	}
	if err != nil {
		fmt.Println(text)
	}
}
`

// Compose makes of a cell what GoNB gets, line by line that of the cell, and what is to follow it there: the value of its
// last expression goes to ShowFunction, or nowhere when a semicolon follows, and bare statements get a main. shows tells
// whether there is a value. isType tells the names that earlier cells declare as types; nil: no value is to be shown.
func (t *Text) Compose(isType func(name string) bool) (code, end string, shows bool) {
	lines := slices.Clone(t.Lines)
	insert := func(at Place, text string) {
		lines[at.Line] = lines[at.Line][:at.Column] + text + lines[at.Line][at.Column:]
	}
	if last := t.value(isType); last == nil {
	} else if strings.HasPrefix(strings.TrimLeft(t.source[t.offset(last.End()):], " \t"), ";") {
		insert(t.position(last.Pos()), "_ = ")
	} else {
		insert(t.position(last.End()), ")")
		insert(t.position(last.Pos()), ShowFunction+"(")
		shows = true
	}
	if t.bare.Line >= 0 && t.err == nil {
		insert(t.bare, mainBegin)
		end = mainEnd
	}
	return strings.Join(lines, "\n"), end, shows
}

// value returns the last statement of a cell's main where it is an expression that Go does not take as a statement, or nil.
func (t *Text) value(isType func(name string) bool) ast.Expr {
	if isType == nil || t.err != nil || t.Has("%test") || t.Has("%wasm") {
		return nil
	}
	last := lastExpression(t.file)
	if last == nil || legalStatement(last, typeNames(t.file, isType)) {
		return nil
	}
	return last
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
