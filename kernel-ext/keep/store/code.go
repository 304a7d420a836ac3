package store

import "strconv"

// FunctionNamed is the function of a name in Uses.Code as an expression, to be given to a program under that name: "net/url".Parse,
// for a method (*"bytes".Buffer).Reset or "time".Time.String, and for a method value, whose name ends in -fm, one of any
// receiver: (*"bytes".Buffer)(nil).Reset or (*new("time".Time)).String. It is not nameable where a part of the name is not exported, or
// is of a generic type or function; such a function is in a program that has its package if the package sees to it.
func FunctionNamed(code string) Type {
	name, value := code, false
	if n := len(code) - len(valueSuffix); n > 0 && code[n:] == valueSuffix {
		name, value = code[:n], true
	}
	path, parts, ok := takeApart(name)
	if !ok {
		return Type{}
	}
	t := Type{Nameable: true}
	if path != "main" {
		t.Packages = []string{path}
	}
	quoted := strconv.Quote(path) + "."
	last := parts[len(parts)-1]
	switch {
	case len(parts) == 1 && !value:
		t.Expr = quoted + last
	case len(parts) == 1:
		return Type{}
	default:
		typ, pointer := parts[0], false
		if n := len(typ); n > 3 && typ[:2] == "(*" && typ[n-1] == ')' {
			typ, pointer = typ[2:n-1], true
		}
		parts[0] = typ
		switch {
		case value && pointer:
			t.Expr = "(*" + quoted + typ + ")(nil)." + last
		case value:
			t.Expr = "(*new(" + quoted + typ + "))." + last
		case pointer:
			t.Expr = "(*" + quoted + typ + ")." + last
		default:
			t.Expr = quoted + typ + "." + last
		}
	}
	for _, part := range parts {
		if !isName(part) {
			return Type{}
		}
		if path != "main" && !('A' <= part[0] && part[0] <= 'Z') {
			t.Nameable = false
		}
	}
	return t
}

const valueSuffix = "-fm"

// takeApart is the path of a package, and the one or two parts of the name in it: a function, or a type and its method.
func takeApart(name string) (path string, parts []string, ok bool) {
	from := 0
	for i := range len(name) {
		if name[i] == '/' {
			from = i
		}
	}
	begin := -1
	for i := from; i < len(name); i++ {
		if name[i] != '.' {
			continue
		}
		if begin < 0 {
			path = Unescaped(name[:i])
		} else {
			parts = append(parts, name[begin:i])
		}
		begin = i + 1
	}
	if begin < 0 {
		return "", nil, false
	}
	parts = append(parts, name[begin:])
	return path, parts, path != "" && len(parts) <= 2
}

// Unescaped undoes what the compiler writes for the dots in a path's last part: gopkg.in/yaml%2ev3.
func Unescaped(path string) string {
	var b []byte
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, path[i])
	}
	return string(b)
}

// isName says whether a part of a function's name is one that a program can write.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && '0' <= c && c <= '9') {
			return false
		}
	}
	return s != ""
}
