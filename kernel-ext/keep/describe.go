package keep

import (
	"reflect"
	"strconv"

	"gantry.local/kernel-ext/keep/store"
)

// describe is a type as store.Type has it. It does not call Method of a reflect.Type: a program in which that can be reached
// keeps the methods of all its types, and takes longer to link.
func describe(t reflect.Type) store.Type {
	d := describer{}
	d.write(t)
	return store.Type{Expr: string(d.text), Packages: d.packages, Nameable: !d.hidden}
}

// expr is the type's text in describe, by which it is looked for in another program.
func expr(t reflect.Type) string {
	d := describer{}
	d.write(t)
	return string(d.text)
}

type describer struct {
	text     []byte
	packages []string
	hidden   bool
}

func (d *describer) say(s string) { d.text = append(d.text, s...) }

func (d *describer) write(t reflect.Type) {
	if t.Name() != "" {
		if t.PkgPath() == "" {
			d.say(t.Name())
			return
		}
		d.name(t.PkgPath(), t.Name())
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		d.say("*")
		d.write(t.Elem())
	case reflect.Slice:
		d.say("[]")
		d.write(t.Elem())
	case reflect.Array:
		d.say("[" + strconv.Itoa(t.Len()) + "]")
		d.write(t.Elem())
	case reflect.Map:
		d.say("map[")
		d.write(t.Key())
		d.say("]")
		d.write(t.Elem())
	case reflect.Chan:
		d.say([...]string{reflect.RecvDir: "<-chan ", reflect.SendDir: "chan<- ", reflect.BothDir: "chan "}[t.ChanDir()] + "(")
		d.write(t.Elem())
		d.say(")")
	case reflect.Func:
		d.say("func(")
		for i := range t.NumIn() {
			d.comma(i)
			if in := t.In(i); t.IsVariadic() && i == t.NumIn()-1 {
				d.say("...")
				d.write(in.Elem())
			} else {
				d.write(in)
			}
		}
		d.say(") (")
		for i := range t.NumOut() {
			d.comma(i)
			d.write(t.Out(i))
		}
		d.say(")")
	case reflect.Struct:
		d.say("struct {")
		for i := range t.NumField() {
			f := t.Field(i)
			d.say(" ")
			if !f.Anonymous {
				d.say(f.Name + " ")
			}
			d.hidden = d.hidden || f.PkgPath != "" && f.PkgPath != "main"
			d.write(f.Type)
			if f.Tag != "" {
				d.say(" " + strconv.Quote(string(f.Tag)))
			}
			d.say(";")
		}
		d.say(" }")
	default: // an interface
		if t.NumMethod() == 0 {
			d.say("any")
			return
		}
		d.hidden = true // its methods' types are not looked into, so it is found by its text or not
		d.say(t.String())
	}
}

func (d *describer) comma(i int) {
	if i > 0 {
		d.say(", ")
	}
}

// name writes the name of a type with its arguments, in which reflect has packages' whole paths: Pair[int,net/url.URL].
func (d *describer) name(pkg, name string) {
	base, args := name, ""
	for i := range len(name) {
		if name[i] == '[' {
			base, args = name[:i], name[i:]
			break
		}
	}
	d.qualified(pkg, base)
	for len(args) > 0 {
		n := 0
		for n < len(args) && isNameByte(args[n]) {
			n++
		}
		if n == 0 {
			if args[0] == '"' { // the tag of a field
				if tag, err := strconv.QuotedPrefix(args); err == nil {
					d.say(tag)
					args = args[len(tag):]
					continue
				}
			}
			d.say(args[:1])
			args = args[1:]
			continue
		}
		word := args[:n]
		args = args[n:]
		if hasPrefix(word, "...") {
			d.say("...")
			word = word[3:]
		}
		dot := -1
		for i := len(word) - 1; i >= 0 && word[i] != '/'; i-- {
			if word[i] == '.' {
				dot = i
				break
			}
		}
		if dot < 0 {
			d.say(word)
			continue
		}
		d.qualified(store.Unescaped(word[:dot]), word[dot+1:])
	}
}

// qualified writes a name of a package.
func (d *describer) qualified(pkg, name string) {
	d.say(strconv.Quote(pkg) + "." + name)
	if pkg == "main" {
		return
	}
	d.hidden = d.hidden || !isExported(name) || isInternal(pkg)
	for _, known := range d.packages {
		if known == pkg {
			return
		}
	}
	d.packages = append(d.packages, pkg)
}

func isNameByte(b byte) bool {
	return b >= 0x80 || b == '_' || b == '.' || b == '/' || b == '-' || b == '~' || b == '%' || b == '+' || b == '@' ||
		'0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func isExported(name string) bool { return name != "" && 'A' <= name[0] && name[0] <= 'Z' }

// isInternal says whether a package of the standard library is closed to others.
func isInternal(pkg string) bool { return hasPrefix(pkg, "internal/") || hasPrefix(pkg, "vendor/") }
