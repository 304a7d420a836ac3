package kernel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// name chooses what a variable is to be called.
func (w *cellWriter) name(stable bool) string {
	if stable {
		return stables[w.rnd.IntN(len(stables))][0]
	}
	return w.pick(strings.Fields(others), new(bool))
}

// declarations writes declarations of variables in one of the ways that there are.
func (w *cellWriter) declarations() (texts []string) {
	names := map[string]string{}
	for range w.rnd.IntN(5) {
		if name := w.name(w.chance(15)); isStable(name) {
			names[name] = w.variables[name].typ
		} else {
			names[name] = w.types[w.rnd.IntN(len(w.types))]
		}
	}
	list := slices.Sorted(maps.Keys(names))
	if len(list) == 2 && w.chance(60) {
		return w.both(list, names)
	}
	w.hidden = list
	together := len(list) > 1 && w.chance(30)
	for i, name := range list {
		form := w.rnd.IntN(4)
		if together {
			form = 1 + w.rnd.IntN(3)
		}
		if form == 0 && !together {
			w.hidden = list[i+1:] // x := x + 1 has the old one
		}
		text := w.declare(name, names[name], form)
		w.hidden = list
		if together {
			text = strings.TrimPrefix(text, "var ")
		}
		texts = append(texts, text)
	}
	if w.hidden = nil; together {
		return []string{"var (\n\t" + strings.Join(texts, "\n\t") + "\n)"}
	}
	return texts
}

// declare writes a declaration: by := or by three forms of var.
func (w *cellWriter) declare(name, typ string, form int) string {
	value, ok := w.expression(typ, false, 0)
	if typ == "int" && form == 0 && len(w.functions["func() int"]) > 0 && w.chance(40) {
		value, ok = w.fill("‹fn func() int›()", false, 0)
	}
	if !ok {
		form = 2
	}
	text := []string{"% := " + value, "var % " + typ + " = " + value, "var % " + typ, "var % = " + value}[form]
	said := func(name string) string { return strings.Replace(text, "%", name, 1) }
	local := w.local()
	w.model.declare(w.known, name, typ, local, said(local))
	w.declared(name, typ)
	return inCell(said(name))
}

func (w *cellWriter) local() string { return fmt.Sprint("v", w.next()) }

func (w *cellWriter) declared(name, typ string) {
	delete(w.lost, name)
	w.variables[name] = randomVariable{typ: typ, stable: isStable(name)}
}

func isStable(name string) bool {
	return slices.ContainsFunc(stables, func(v [2]string) bool { return v[0] == name })
}

// both writes x, y := …, of which one that is there with the type is set, if the other is new.
func (w *cellWriter) both(names []string, types map[string]string) []string {
	one, other := names[0], names[1]
	if w.lost[one] || w.lost[other] {
		return nil
	}
	v1, ok1 := w.expression(types[one], false, 0)
	v2, ok2 := w.expression(types[other], false, 0)
	if !ok1 || !ok2 {
		return nil
	}
	_, there1 := w.variables[one]
	_, there2 := w.variables[other]
	local1, local2 := w.local(), w.local()
	w.model.statement(w.known, local1+", "+local2+" := "+v1+", "+v2)
	for _, v := range [][2]string{{one, local1}, {other, local2}} {
		name, typ := v[0], types[v[0]]
		if was, there := w.variables[name]; there && there1 != there2 && was.typ == typ {
			w.model.statement(w.known, "$"+name+" = "+v[1])
		} else {
			w.model.declare(w.known, name, typ, v[1], "")
		}
		w.declared(name, typ)
	}
	return []string{inCell(one + ", " + other + " := " + v1 + ", " + v2)}
}

// function writes a function that keeps its meaning.
func (w *cellWriter) function() string {
	text, ok := w.oneOf("function", false, 0, func(string) bool { return true })
	if !ok {
		return ""
	}
	name := fmt.Sprint("fn", w.next())
	signature, text, _ := strings.Cut(text, ": ")
	text = strings.ReplaceAll(text, "@", name)
	w.functions[signature] = append(w.functions[signature], name)
	w.model.function(w.known, text)
	return strings.ReplaceAll(inCell(text), "; func", "\nfunc")
}

// again declares a function anew, which functions call.
func (w *cellWriter) again(name string) string {
	text := " { return 1 }"
	if len(w.variables) > 0 {
		body, ok := w.oneOf("again", true, 0, func(string) bool { return true })
		if ok {
			text = " " + body
		}
	}
	w.model.again(w.known, name, fmt.Sprint(name, "_", w.next()), text)
	return "func " + name + "() int" + inCell(text)
}

// shape declares R with a shape of some.
func (w *cellWriter) shape() string {
	shapes := w.grammar["shape"]
	fields := shapes[w.rnd.IntN(len(shapes))]
	for "R "+fields == w.known.model["shape"] {
		fields = shapes[w.rnd.IntN(len(shapes))]
	}
	text := "struct { " + fields + " }\n"
	w.known.model["R"], w.known.model["shape"] = fmt.Sprint("R_", w.next()), "R "+fields
	methods := "func (r *$R) Bump() { r.A++ }"
	w.model.declaration(w.known, "type $R "+text+methods)
	return "type R " + text + inCell(methods)
}
