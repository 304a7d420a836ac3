package value

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the golden file")

type person struct {
	Name   string
	Age    int
	Height float64
	marks  []int
}

type pair struct{ A, B int }

type ring struct {
	Next  *ring
	Value int
}

type finding struct{ Rule, Problem string }

func (f finding) String() string { return f.Rule + ": " + f.Problem }

type celsius float64

func (c celsius) String() string { return fmt.Sprintf("%.1f °C", float64(c)) }

type byPointer struct{ n int }

func (p *byPointer) String() string { return fmt.Sprintf("the number %d", p.n) }

type speechless struct{ A, B int }

func (speechless) String() string { panic(errors.New("no words")) }

func add(a, b int) int { return a + b }

// sample is a value with a name for the golden file.
type sample struct {
	name  string
	value any
}

func samples() []sample {
	numbers := make([]float64, 10_000)
	for i := range numbers {
		numbers[i] = float64(i) / 8
	}
	numbers[3] = math.NaN()
	people := make([]person, 200)
	for i := range people {
		people[i] = person{Name: fmt.Sprintf("p %d", i), Age: i, Height: float64(i) / 3}
	}
	loop := &ring{Value: 1}
	loop.Next = &ring{Value: 2, Next: loop}
	itself := []any{1, nil}
	itself[1] = itself
	missing := &fs.PathError{Op: "open", Path: "x.png", Err: fs.ErrNotExist}
	return []sample{
		{"nil", nil}, {"int", 42}, {"float", 1e6}, {"float32", float32(0.1)}, {"complex", complex(1, -2)}, {"bool", true},
		{"string", "two\nlines <b>"}, {"Stringer", celsius(20)}, {"Stringer by pointer", byPointer{3}}, {"big", *big.NewInt(7)},
		{"error", errors.New("no")}, {"error chain", fmt.Errorf("faces: %w", errors.Join(missing, errors.New("no room")))},
		{"duration", 90 * time.Second}, {"time", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"bytes", []byte("héllo")}, {"bytes, no text", []byte{0xff, 0, 1}}, {"long bytes", bytes.Repeat([]byte("ab"), 400)},
		{"array of bytes", [4]byte{1, 2, 3, 4}},
		{"func", add}, {"func of a package", strings.ToUpper}, {"chan", make(chan int, 3)}, {"nil pointer", (*pair)(nil)},
		{"short slice", []int{1, 2}}, {"no slice", []finding(nil)}, {"strings", []string{"a", "b c", "", "true", "3", "x\ny"}},
		{"long slice", numbers}, {"durations", []time.Duration{1, time.Minute}}, {"any", []any{1, "1", nil, pair{1, 2}, []int{3}}},
		{"many words", strings.Fields(strings.Repeat("alpha beta ", 20))},
		{"struct", pair{1, 2}}, {"struct without a name", struct{ A, B int }{1, 2}}, {"pointer", &pair{1, 2}},
		{"struct with a field that is not exported", person{"Ada", 36, 1.7, []int{1, 2}}},
		{"struct with times", struct {
			When time.Time
			took time.Duration
			end  time.Time
		}{time.Unix(1, 0).UTC(), time.Second, time.Unix(2, 0).UTC()}},
		{"long struct", struct {
			Data   []float64
			People []person
			At     map[string]pair
			F      func(int, int) int
			Text   string
		}{numbers, people[:3], map[string]pair{"b": {1, 2}, "a": {3, 4}}, add, strings.Repeat("x", 300)}},
		{"structs", []person{{"Ada", 36, 1.7, nil}, {"Bob \"x\"", 41, 1.87654321, []int{1}}}},
		{"many structs", people}, {"structs that have words", []finding{{"bounded critic", strings.Repeat("the loss ", 12)}, {"no gradient", "biases"}}},
		{"pointers to structs", []*person{{Name: strings.Repeat("Ada ", 20)}, nil, {Name: "Bob"}}},
		{"map", map[string]int{"b": 2, "a c": 1}}, {"map of numbers", map[float64]string{2: "two", math.Inf(-1): "least", -1: "less"}},
		{"map of structs", map[string]person{"x": {Name: strings.Repeat("Ada ", 15)}, "a": {Name: "Bob"}}},
		{"records", []map[string]any{{"a": 1, "text": strings.Repeat("long ", 12)}, {"a": 2, "c": 3.5}}},
		{"matrix", [][]int{{1, 20, 300}, {4, 5, 6}}}, {"long matrix", square(40)}, {"ragged", [][]int{{1, 2}, {3}}},
		{"tensor", [2][3][4]float32{}}, {"ring", loop}, {"itself", itself}, {"speechless", speechless{1, 2}},
		{"speechless ones", []any{speechless{1, 2}, celsius(3)}},
	}
}

func square(n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
		for j := range rows[i] {
			rows[i][j] = float64(i*n+j) / 7
		}
	}
	return rows
}

// TestGolden compares text and HTML of many values with testdata/values.txt, which -update writes anew.
func TestGolden(t *testing.T) {
	var got strings.Builder
	for _, s := range samples() {
		b := BundleOf(s.value)
		fmt.Fprintf(&got, "=== %s\n%s\n", s.name, b[mimeText])
		if html, is := b[mimeHTML]; is {
			fmt.Fprintf(&got, "--- HTML\n%s\n", strings.ReplaceAll(string(html), "<tr>", "\n<tr>"))
			wellFormed(t, s.name, html)
		}
	}
	path := filepath.Join("testdata", "values.txt")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotParts, wantParts := strings.Split(got.String(), "=== "), strings.Split(string(want), "=== ")
	for i, part := range gotParts {
		if i >= len(wantParts) || part != wantParts[i] {
			t.Errorf("this is not as in %s (go test -update rewrites it):\n%s", path, part)
		}
	}
	if len(gotParts) != len(wantParts) {
		t.Errorf("%d values, %s has %d", len(gotParts), path, len(wantParts))
	}
}

// wellFormed fails a test whose HTML is no well-formed tree of elements, or has a script.
func wellFormed(t *testing.T, name string, html []byte) {
	t.Helper()
	if !utf8.Valid(html) {
		t.Errorf("%s: HTML is no UTF-8", name)
	}
	d := xml.NewDecoder(strings.NewReader("<div>" + string(html) + "</div>"))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Errorf("%s: HTML is not well-formed: %v\n%s", name, err, html)
			return
		}
		if start, is := token.(xml.StartElement); is {
			switch start.Name.Local {
			case "div", "table", "thead", "tbody", "tr", "th", "td", "strong", "pre", "img":
			default:
				t.Errorf("%s: HTML has an element %s", name, start.Name.Local)
			}
		}
	}
}

// TestPlain wants what a Go programmer knows from fmt to look as there.
func TestPlain(t *testing.T) {
	for _, v := range []any{
		42, -7, uint8(3), 0.1, 1e21, 1e-7, 123456789.0, float32(0.1), math.NaN(), math.Inf(1), true, "x y", 'a', complex(1, 2), complex64(0.5i),
		[]int{1, 2}, []int{}, []string{"a", "b"}, []bool{true}, map[string]int{"b": 1, "a": 2}, [2]float64{1, 0.5}, time.Minute, errors.New("no"),
		celsius(3), big.NewInt(12), []time.Duration{1, 2}, [][]int{{1}, {2, 3}},
	} {
		got, want := string(BundleOf(v)[mimeText]), fmt.Sprint(v)
		if got != want && got != want+" (empty []int)" {
			t.Errorf("%T is %q, fmt has %q", v, got, want)
		}
	}
}

// TestKeys wants keys of any kinds in an order that does not change.
func TestKeys(t *testing.T) {
	type other pair
	m := map[any]int{"b": 1, "a": 1, 2: 1, 1: 1, 1.5: 1, true: 1, false: 1, pair{2, 1}: 1, pair{1, 2}: 1, other{0, 1}: 1, [1]int{3}: 1, [2]int{1, 2}: 1, nil: 1,
		celsius(-1): 1, math.Inf(-1): 1, uint8(7): 1, [2]any{1, "x"}: 1, [2]any{"x", 1}: 1}
	want := "map[<nil>:1 false:1 true:1 1:1 2:1 7:1 -Inf:1 1.5:1 -1.0 °C:1 [3]:1 [1 2]:1 [1 x]:1 [x 1]:1 a:1 b:1 value.other{A:0 B:1}:1 value.pair{A:1 B:2}:1 value.pair{A:2 B:1}:1]"
	for range 20 {
		_, _, tree := seen(m)
		if got := tree.line(1000); got != want {
			t.Fatalf("%s, want\n%s", got, want)
		}
	}
}

// TestEscaped puts what would be a script everywhere where a value can have text.
func TestEscaped(t *testing.T) {
	const script = `<script>alert("x")</script>`
	type named struct {
		A    string `json:"<script>alert(1)</script>"`
		B, C any
	}
	wide := strings.Repeat("x", 100)
	for _, v := range []any{
		[]named{{script, script, script}}, named{script, []string{script}, wide}, map[string]any{script: 1, wide: script},
		map[any]named{script: {}}, []any{errors.New(script), []string{script}, wide, named{}}, &named{A: script, B: wide},
		[]map[string]string{{script: script, wide: "1"}}, [][]string{{script}, {wide}}, []named{{B: "\x00\xff\u202e", C: "\x1b[31m"}},
	} {
		b := BundleOf(v)
		html := string(b[mimeHTML])
		if html == "" {
			t.Errorf("%T has no HTML", v)
		}
		if strings.Contains(html, "<script") {
			t.Errorf("%T: a script gets through: %s", v, html)
		}
		wellFormed(t, fmt.Sprintf("%T", v), b[mimeHTML])
	}
	for _, v := range []any{script, errors.New(script), finding{script, ""}} { // beside a value that has HTML
		html := string(BundleOf(v, map[string]int{"a": 1})[mimeHTML])
		if strings.Contains(html, "<script") || !strings.Contains(html, "&lt;script") {
			t.Errorf("%T: %s", v, html)
		}
	}
}

type rich struct{}

func (rich) HTML() string     { return "<b>1</b>" }
func (rich) Markdown() string { return "**1**" }
func (rich) Latex() string    { return "$1$" }
func (rich) SVG() string      { return "<svg/>" }
func (rich) PNG() []byte      { return []byte("\x89PNG\x00") }

type tune struct{ N int }

func (t *tune) ShowValue() map[string]any {
	return map[string]any{mimeHTML: fmt.Sprintf("<b>%d</b>", t.N), "audio/wav": []byte{0, 255}, "text/x": 3}
}

type broken struct{ A int }

func (broken) HTML() string              { panic("no page") }
func (broken) ShowValue() map[string]any { panic(fmt.Sprint("nothing ", "to show")) }

// TestJoining wants a type's own methods to be used, also those of a pointer to it, and panics in them to be said.
func TestJoining(t *testing.T) {
	b := BundleOf(rich{})
	want := Bundle{mimeHTML: []byte("<b>1</b>"), mimeMarkdown: []byte("**1**"), mimeLatex: []byte("$1$"), mimeSVG: []byte("<svg/>"),
		mimePNG: []byte("\x89PNG\x00"), mimeText: []byte("value.rich{}")}
	if !reflect.DeepEqual(b, want) {
		t.Errorf("%s, want %s", b.JSON(), want.JSON())
	}
	for _, v := range []any{tune{5}, &tune{5}} {
		b := BundleOf(v)
		if !strings.HasPrefix(string(b[mimeHTML]), "<b>5</b>") || string(b["audio/wav"]) != "\x00\xff" || b["text/x"] != nil ||
			!strings.Contains(string(b[mimeText]), "N:5") || !strings.Contains(string(b[mimeText]), "text/x") {
			t.Errorf("%T: %s", v, b.JSON())
		}
	}
	text := string(BundleOf(broken{7})[mimeText])
	for _, want := range []string{"{A:7}", "HTML() of value.broken panicked: no page", "ShowValue() of value.broken panicked: nothing to show"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
	if text := string(BundleOf((*tune)(nil))[mimeText]); text != "<nil>" {
		t.Errorf("a nil pointer with methods is %q", text)
	}
	form := func(v any) map[string]any {
		if v == 3 {
			panic("no three")
		}
		if _, is := v.(int); is {
			return map[string]any{mimeText: "an int"}
		}
		return nil
	}
	for v, want := range map[any]string{2: "an int", 3: "3\n(the form of int panicked: no three)", "x": "x"} {
		if got := string(Options{Forms: []Form{form}}.Bundle(v)[mimeText]); got != want {
			t.Errorf("%v by a form is %q, want %q", v, got, want)
		}
	}
}

// TestSeveral wants the results of a call below each other.
func TestSeveral(t *testing.T) {
	if b := BundleOf(1, "a"); len(b) != 1 || string(b[mimeText]) != "1\na" {
		t.Errorf("%s", b.JSON())
	}
	b := BundleOf("<", map[string]int{"k": 1}, pngOnly{})
	html := string(b[mimeHTML])
	first, second, third := strings.Index(html, "<pre>&lt;</pre>"), strings.Index(html, ">k<"), strings.Index(html, "data:image/png;base64,iVBOR")
	if first < 0 || second < first || third < second {
		t.Errorf("%s", html)
	}
	wellFormed(t, "three values", b[mimeHTML])
	if b := BundleOf(); len(b) != 0 || string(b.JSON()) != "{}" {
		t.Errorf("no values are %s", b.JSON())
	}
}

type pngOnly struct{}

func (pngOnly) PNG() []byte { return []byte("\x89PNG\r\n") }

// TestJSON wants the encoder to agree with encoding/json on every byte.
func TestJSON(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, text := range []string{"", string(every), "\u2028 \U0001F600 \ufffd", "\xf0\x9f", "</script>"} {
		b := Bundle{mimeText: []byte(text), mimePNG: []byte(text), mimeSVG: []byte(text), "application/json": []byte("{}")}
		var got map[string]string
		if err := json.Unmarshal(b.JSON(), &got); err != nil {
			t.Fatalf("%q: %v: %s", text, err, b.JSON())
		}
		want := strings.ToValidUTF8(text, "")
		if valid := strings.ReplaceAll(got[mimeText], "\ufffd", ""); valid != strings.ReplaceAll(want, "\ufffd", "") {
			t.Errorf("%q came back as %q", text, got[mimeText])
		}
		if decoded, err := base64.StdEncoding.DecodeString(got[mimePNG]); err != nil || string(decoded) != text {
			t.Errorf("%q came back as %q (%v)", text, decoded, err)
		}
		if got[mimeSVG] != got[mimeText] || got["application/json"] != "{}" {
			t.Errorf("%v", got)
		}
	}
}

// TestShow wants the bundle in the folder that the kernel names, for this user alone.
func TestShow(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(DirVariable, dir)
	if err := Show(6 * 7); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, File)
	said, err := os.ReadFile(path)
	if err != nil || string(said) != `{"text/plain":"42"}` {
		t.Errorf("%s, %v", said, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	t.Setenv(DirVariable, "")
	if err := Show(1); err == nil || !strings.Contains(err.Error(), DirVariable) {
		t.Errorf("outside a notebook: %v", err)
	}
}
