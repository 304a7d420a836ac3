package golang

import (
	"fmt"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	names := map[Kind]string{Statement: "statement", Import: "import", Type: "type", Constant: "const", Variable: "var", Function: "func"}
	for source, want := range map[string]string{
		"":                                        "",
		"x := 3":                                  "statement[x := 3]",
		"x := 3; y := 4;":                         "statement[x := 3]; statement[y := 4];",
		"import \"fmt\"\nx := 1":                  "import[import \"fmt\"] statement[x := 1]",
		"func f() int { return 1 }\nf()":          "func[func f() int { return 1 }] statement[f()]",
		"func(a int) error { return nil }(3)":     "statement[func(a int) error { return nil }(3)]",
		"func (p *P) Len() int { return 1 }":      "func[func (p *P) Len() int { return 1 }]",
		"func (s S[T]) Len() int { return 1 }\n":  "func[func (s S[T]) Len() int { return 1 }]",
		"func(x any) {}(func() {})":               "statement[func(x any) {}(func() {})]",
		"// f does.\nfunc f() {}\n":               "func[// f does.\nfunc f() {}]",
		"// apart\n\n// near\n// it\nfunc f() {}": "func[// near\n// it\nfunc f() {}]",
		"type (\n\tA int\n\tB = string\n)\nvar x, y = 1, 2\nconst c = iota":          "type[type (\n\tA int\n\tB = string\n)] var[var x, y = 1, 2] const[const c = iota]",
		"if a {\n} else {\n}\nfor {\n\tbreak\n}":                                     "statement[if a {\n} else {\n}] statement[for {\n\tbreak\n}]",
		"s := `a\nb;c`\nt := s // end":                                               "statement[s := `a\nb;c`] statement[t := s]",
		"x.\n\tF().\n\tG()":                                                          "statement[x.\n\tF().\n\tG()]",
		"a := []int{\n\t1,\n\t2, // two\n}\na":                                       "statement[a := []int{\n\t1,\n\t2, // two\n}] statement[a]",
		"func add[T int | float64](a, b T) T { return a + b }":                       "func[func add[T int | float64](a, b T) T { return a + b }]",
		"for i := 0; i < 3; i++ { print(i) }; done":                                  "statement[for i := 0; i < 3; i++ { print(i) }]; statement[done]",
		"if f := func() bool { return a }; f() { a; b } else if x := 1; x > 0 { c }": "statement[if f := func() bool { return a }; f() { a; b } else if x := 1; x > 0 { c }]",
	} {
		var got strings.Builder
		for i, it := range Split(source) {
			if i > 0 {
				got.WriteByte(' ')
			}
			from := it.From
			if it.Kind != Statement {
				from = it.Doc
			}
			fmt.Fprintf(&got, "%s[%s]", names[it.Kind], source[from:it.To])
			if it.Silent {
				got.WriteByte(';')
			}
		}
		if got.String() != want {
			t.Errorf("%q:\n got %s\nwant %s", source, got.String(), want)
		}
	}
}
