package keep_test

import (
	"strings"
	"testing"
)

// TestMethodValues wants method values of all kinds of receivers back, also where the program that keeps them does not name
// them, as it cannot where a package made them; and a clear reason where the program that needs one has not its code.
func TestMethodValues(t *testing.T) {
	nb := newNotebook(t, `import "gantry.local/kernel-ext/keep/store"
type Mixed struct { n int8; s string; p *int; f float64 }
func (m Mixed) All(d int) string { *m.p += d; return fmt.Sprint(m.n, m.s, *m.p, m.f) }
func (m *Mixed) Grow(d int8) int8 { m.n += d; return m.n }
type Small int8
func (s Small) Twice() Small { return 2 * s }
type Empty struct{}
func (Empty) Seven() int { return 7 }
type Maker struct{ n int }
func (m Maker) Of(d int) func() int { n := m.n + d; if n == 5 { return five }; return nil }
func five() int { return 5 }
var _ = store.NotKept
`,
		"number int", "mixed Mixed", "all func(int) string", "grow func(int8) int8", "twice func() Small", "seven func() int",
		"width func() int", "text func() string", "buffer *bytes.Buffer", "of func(int) func() int", "nested func() string", "same func(int8) int8",
		"value func(string) *store.Value", "held any")
	imports := []string{"fmt", "image", "bytes"}
	check := `
if got := all(1); got != "3abc8 0.5" && got != "3abc9 0.5" { fail("all " + got) }
if got := grow(0); got != mixed.n || same(0) != mixed.n { fail("grow") }
before := mixed.n; grow(2); if mixed.n != before+2 || same(0) != mixed.n { fail("grow does not change mixed") }
if twice() != 42 || seven() != 7 || width() != 4 || of(2)() != 5 || of(3) != nil { fail("values") }
buffer.WriteString("!"); if text() != buffer.String() || nested() != text() { fail("text " + text()) }
if value("none") != nil { fail("value") }
if held.(func() int)() != 6 { fail("held") }
`
	nb.run(cell{imports: imports, body: `number = 7
mixed = Mixed{3, "abc", &number, 0.5}
all, grow, same = mixed.All, mixed.Grow, mixed.Grow
twice, seven, width, of = Small(21).Twice, Empty{}.Seven, image.Rect(1, 1, 5, 7).Dx, Maker{3}.Of
buffer = bytes.NewBufferString("text"); text = buffer.String; nested = text
value = (&store.Manifest{}).Value
held = image.Rect(1, 1, 5, 7).Dy
`})
	for _, v := range nb.manifest().Values {
		if v.Why != "" {
			t.Errorf("%s is not kept: %s", v.Name, v.Why)
		}
	}
	nb.code = `"main.Mixed.All-fm": (*new(Mixed)).All, "main.(*Mixed).Grow-fm": (*Mixed)(nil).Grow, "main.Small.Twice-fm": (*new(Small)).Twice,
"main.Empty.Seven-fm": (*new(Empty)).Seven, "image.Rectangle.Dx-fm": (*new(image.Rectangle)).Dx, "main.Maker.Of-fm": (*new(Maker)).Of,
"main.five": five, "bytes.(*Buffer).String-fm": (*bytes.Buffer)(nil).String, "image.Rectangle.Dy-fm": (*new(image.Rectangle)).Dy,
"gantry.local/kernel-ext/keep/store.(*Manifest).Value-fm": (*store.Manifest)(nil).Value,`
	nb.run(cell{imports: imports, body: check, declare: "const cellNumber = 2"})
	nb.run(cell{imports: imports, body: check, declare: "var other [100]int"})

	nb.code = ""
	out, err := nb.try(cell{imports: imports, body: `_, _ = fmt.Sprint(image.Rect(1, 2, 3, 4)), bytes.NewBuffer`, only: []string{"width"}})
	if err == nil || !strings.Contains(out, "width needs the function image.Rectangle.Dx-fm, which is not in this program") ||
		strings.Count(strings.TrimSpace(out), "\n") > 0 {
		t.Errorf("without its code: %v, %s", err, out)
	}
}

// TestMethodsThatAreNotLinked wants a reason, and no crash, for a value behind a function whose methods the linker has left out.
func TestMethodsThatAreNotLinked(t *testing.T) {
	nb := newNotebook(t, `type hidden struct{ n int }
func (h *hidden) Get() int { return h.n }
type hiddenKept struct{ N int }
func (h *hidden) Kept() (any, error) { return hiddenKept{h.n}, nil }
func (k hiddenKept) Restored() (any, error) { return &hidden{k.N}, nil }
`, "get func() int", "other int")
	nb.run(cell{body: `get, other = (&hidden{4}).Get, 3`})
	m := nb.manifest()
	if why := m.Value("get").Why; !strings.Contains(why, "methods are not in the program") || m.Value("other").Why != "" {
		t.Errorf("get is not kept because of %q, and other of %q", why, m.Value("other").Why)
	}
}
