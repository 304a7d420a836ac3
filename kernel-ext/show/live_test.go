package show

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/sample"
)

// clock is a time that only the test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// run feeds frames, 36 ms apart.
func run(tb testing.TB, l *Live, c *clock, steps int, samples *sample.Images) {
	tb.Helper()
	r := noise()
	for range steps {
		c.advance(36 * time.Millisecond)
		i := l.frame.Step + 1
		err := l.Update(Frame{
			Step: i, Numbers: losses(0.7-0.3*float64(i)/5000+0.2*r.NormFloat64(), 1+float64(i)/3000+0.4*r.NormFloat64()),
			Samples: samples,
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func newTestLive(o LiveOptions) (*Live, *clock, *bytes.Buffer) {
	c, out := &clock{time.Unix(1000, 0)}, &bytes.Buffer{}
	o.Out, o.Now = out, c.Now
	return NewLive(o), c, out
}

func TestCard(t *testing.T) {
	digits, faces := rings(100, 28, 28, 1), rings(120, 64, 64, 3)
	for _, test := range []struct {
		name    string
		steps   int
		total   int
		samples *sample.Images
		note    string
		done    bool
	}{
		{"card", 3210, 5000, &digits, "", false},
		{"card-note", 12, 5000, &faces, "critic accuracy 0.93 on held-out digits", false},
		{"card-first", 1, 0, nil, "", false},
		{"card-done", 5000, 5000, &digits, "", true},
	} {
		l, c, _ := newTestLive(LiveOptions{Title: "First GAN: MLP generator, convolutional critic", Total: test.total})
		run(t, l, c, test.steps, test.samples)
		l.frame.Note, l.noted = test.note, test.note != ""
		l.done = test.done
		img, err := l.card(c.now)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, test.name, img)
	}
}

func TestStatus(t *testing.T) {
	l, c, _ := newTestLive(LiveOptions{Total: 5000})
	c.advance(20 * time.Second) // compilation
	run(t, l, c, 1, nil)
	if got, want := l.status(c.now), "step 1 of 5000"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	run(t, l, c, 1199, nil)
	if got, want := l.status(c.now), "step 1200 of 5000 · 27.8 steps/s · 2 min 17 s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := l.Done(); err != nil {
		t.Fatal(err)
	}
	if got, want := l.status(c.now), "step 1200 of 5000 · 27.8 steps/s · ended after 1 min 3 s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	l, c, _ = newTestLive(LiveOptions{})
	run(t, l, c, 7, nil)
	if got, want := l.status(c.now), "step 7 · 27.8 steps/s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPace(t *testing.T) {
	c := clock{time.Unix(1000, 0)}
	p := pace{every: 250 * time.Millisecond}
	draws := 0
	for range 1000 { // 36 s of frames
		c.advance(36 * time.Millisecond)
		if p.due(c.now) {
			draws++
			p.mark(c.now, c.now)
		}
	}
	if draws != 143 { // every seventh frame is the first after 250 ms
		t.Errorf("%d redraws in 36 s", draws)
	}
	start := c.now
	c.advance(100 * time.Millisecond)
	p.mark(start, c.now) // a slow one
	c.advance(3299 * time.Millisecond)
	if p.due(c.now) {
		t.Error("due while it would take more than 3 % of the time")
	}
	c.advance(time.Millisecond)
	if !p.due(c.now) {
		t.Error("not due when it takes less than 3 % of the time")
	}
}

func TestLines(t *testing.T) {
	l, c, out := newTestLive(LiveOptions{Title: "first", Total: 1000})
	if l.Due() {
		t.Error("samples are due with no place to go")
	}
	run(t, l, c, 1000, nil)
	if err := l.Done(); err != nil {
		t.Fatal(err)
	}
	if err := l.Done(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 5 { // at 0, 10, 20, 30 s and in the end
		t.Fatalf("%d lines:\n%s", len(lines), out)
	}
	for i, want := range []string{
		"first: step 1 of 1000 · critic ", "first: step 279 of 1000 · critic ", "first: step 557 of 1000 · critic ",
		"first: step 835 of 1000 · critic ", "first: step 1000 of 1000 · critic ",
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if want := " · 27.8 steps/s · 16 s left"; !strings.HasSuffix(lines[2], want) {
		t.Errorf("%q lacks %q", lines[2], want)
	}
	if want := " · 27.8 steps/s · ended after 36 s"; !strings.HasSuffix(lines[4], want) {
		t.Errorf("%q lacks %q", lines[4], want)
	}
	if strings.ContainsAny(out.String(), "\x1b\r") {
		t.Errorf("control characters in %q", out)
	}
}

func TestBar(t *testing.T) {
	for total, want := range map[int][]string{
		300: {
			"first\n", "|  critic 0.7 · generator 1.23 · 10 s left", " 51% |████████        |",
			"100% |████████████████|", "ended after 11 s \n",
		},
		200: {"100% |████████████████|", "ended after 11 s \n"}, // more steps than announced
		0:   {"first\n", "critic 0.7 · generator 1.23 · 27.8 steps/s", "ended after 11 s \n"},
	} {
		l, c, out := newTestLive(LiveOptions{Title: "first", Total: total})
		l.screen = newTerminal(l.o, true)
		for i := range 300 {
			c.advance(36 * time.Millisecond)
			if err := l.Update(Frame{Step: i + 1, Numbers: losses(0.7, 1.234)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Done(); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("total %d: no %q in %q", total, text, out)
			}
		}
		for line := range strings.SplitSeq(out.String(), "\r") {
			if len([]rune(line)) > 80 {
				t.Errorf("total %d: %q is wider than a terminal", total, line)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	l, c, _ := newTestLive(LiveOptions{Title: "first", Total: 1000, Dir: dir})
	samples := rings(4, 28, 28, 1)
	drawn := 0
	for i := range 1000 {
		c.advance(36 * time.Millisecond)
		frame := Frame{Step: i + 1, Numbers: losses(1, 2)}
		if l.Due() || i == 990 { // a caller may give more than is wanted
			drawn++
			frame.Samples = &samples
		}
		if err := l.Update(frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Done(); err != nil {
		t.Fatal(err)
	}
	if drawn != 4 {
		t.Errorf("samples were due %d times in 36 s, want 3 and the extra one", drawn)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
		file, err := os.Open(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(file); err != nil {
			t.Errorf("%s: %v", entry.Name(), err)
		}
		file.Close()
	}
	want := "losses.png samples-000001.png samples-000418.png samples-000835.png samples-000991.png"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLiveErrors(t *testing.T) {
	l, _, out := newTestLive(LiveOptions{})
	bad := sample.Images{Values: make([]float32, 5), N: 1, Height: 2, Width: 2, Channels: 1}
	if err := l.Update(Frame{Samples: &bad}); err == nil || !strings.Contains(err.Error(), "5 values") {
		t.Errorf("malformed samples: %v", err)
	}
	if err := l.Done(); err != nil || out.Len() > 0 {
		t.Errorf("without a frame Done wrote %q, %v", out, err)
	}
	if err := l.Update(Frame{}); err == nil {
		t.Error("Update after Done is no error")
	}
	if l.Due() {
		t.Error("due after Done")
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, _, _ = newTestLive(LiveOptions{Dir: filepath.Join(file, "folder")})
	samples := rings(1, 4, 4, 1)
	if err := l.Update(Frame{Samples: &samples}); err == nil {
		t.Error("a folder that cannot be made is no error")
	}

	l = NewLive(LiveOptions{Out: broken{}})
	if err := l.Update(Frame{}); !errors.Is(err, errBroken) {
		t.Errorf("a broken writer: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestIsTerminal(t *testing.T) {
	if isTerminal(&bytes.Buffer{}) {
		t.Error("a buffer is a terminal")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if isTerminal(file) {
		t.Error("a file is a terminal")
	}
	multiplexer, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer multiplexer.Close()
	if !isTerminal(multiplexer) {
		t.Error("a terminal is none")
	}
}

// Samples of any shape, losses of any value.
func TestCardTakesAnything(t *testing.T) {
	for _, shape := range [][4]int{{1, 1, 1, 1}, {1000, 1, 1, 3}, {3, 500, 20, 1}, {3, 20, 500, 1}, {2, 900, 900, 3}} {
		l, c, _ := newTestLive(LiveOptions{Total: 10})
		samples := rings(shape[0], shape[1], shape[2], shape[3])
		frame := Frame{Step: 20, Numbers: losses(math.Inf(1), -1e308), Samples: &samples}
		if err := l.Update(frame); err != nil {
			t.Fatal(err)
		}
		img, err := l.card(c.now)
		if err != nil {
			t.Fatalf("%v: %v", shape, err)
		}
		if size := img.Bounds().Size(); size.X > 6000 || size.Y > 6000 {
			t.Errorf("%v: a card of %v", shape, size)
		}
	}
}

// BenchmarkRedraw is what one redraw in the notebook costs the training; it must stay below 60 ms.
func BenchmarkRedraw(b *testing.B) {
	l, c, _ := newTestLive(LiveOptions{Total: 5000})
	samples := rings(100, 28, 28, 1)
	run(b, l, c, 4000, &samples)
	size := 0
	for b.Loop() {
		img, err := l.card(c.now)
		if err != nil {
			b.Fatal(err)
		}
		var encoded bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, img); err != nil {
			b.Fatal(err)
		}
		size = encoded.Len()
	}
	b.ReportMetric(float64(size), "bytes")
}

// TestCardPictures puts what is no grid of pictures into the card, with each light.
func TestCardPictures(t *testing.T) {
	points, err := PointsImage(Cloud{Data: ring8(500, 1, 0.02), Samples: ring8(500, 0.9, 0.1), Width: Room, Height: Room})
	if err != nil {
		t.Fatal(err)
	}
	texts, err := TextsImage(phrases(100), TextOptions{Length: 16, Width: Room, Height: Room})
	if err != nil {
		t.Fatal(err)
	}
	digits := rings(100, 28, 28, 1)
	for _, test := range []struct {
		name  string
		frame Frame
	}{
		{"card-points", Frame{Picture: points, Light: Amber, Note: "watch: samples' pairwise distance 52 % of the data's"}},
		{"card-texts", Frame{Picture: texts}},
		{"card-green", Frame{Samples: &digits, Light: Green, Note: "no sign of collapse"}},
		{"card-red", Frame{Samples: &digits, Light: Red, Note: "collapsed: 98 % of the pairs of samples are near-duplicates"}},
		{"card-unlit", Frame{Light: Unlit, Note: "too early to tell"}},
	} {
		l, c, _ := newTestLive(LiveOptions{Title: "Toy", Total: 5000})
		run(t, l, c, 300, nil)
		test.frame.Step, test.frame.Numbers = 301, losses(0.7, 1)
		if err := l.Update(test.frame); err != nil {
			t.Fatal(err)
		}
		img, err := l.card(c.now)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, test.name, img)
	}
}

// TestCardStandsStill wants one size from the first note on, whatever comes and goes.
func TestCardStandsStill(t *testing.T) {
	l, c, _ := newTestLive(LiveOptions{Total: 10})
	picture := image.NewRGBA(image.Rect(5, 5, 5+2*Room, 5+2*Room))
	var size image.Point
	for i, frame := range []Frame{
		{Light: Unlit, Picture: picture}, {Note: "a note"}, {}, {Light: Red, Note: "another", Picture: picture}, {},
	} {
		frame.Step = i + 1
		if err := l.Update(frame); err != nil {
			t.Fatal(err)
		}
		img, err := l.card(c.now)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			size = img.Bounds().Size()
		} else if img.Bounds().Size() != size {
			t.Errorf("frame %d makes a card of %v, the first of %v", i+1, img.Bounds().Size(), size)
		}
	}
	if size != image.Pt(2*cardWidth, 2*(headHeight+noteHeight+bodyHeight+2*cardMargin)) {
		t.Errorf("a picture of Room makes a card of %v", size)
	}
	for _, bad := range []image.Rectangle{{}, image.Rect(0, 0, 4001, 5)} {
		if err := l.Update(Frame{Picture: image.NewGray(bad)}); err == nil || !strings.Contains(err.Error(), "does not go into the card") {
			t.Errorf("a picture of %v: %v", bad, err)
		}
	}
}

// TestPictureFiles saves a picture as it is, and writes the note of a warning light alone.
func TestPictureFiles(t *testing.T) {
	dir := t.TempDir()
	l, c, out := newTestLive(LiveOptions{Total: 1000, Dir: dir})
	picture := image.NewRGBA(image.Rect(0, 0, 30, 20))
	for i, frame := range []Frame{
		{Picture: picture, Light: Green, Note: "all is well"}, {Picture: picture, Light: Red, Note: "all is lost"}, {Picture: picture},
	} {
		c.advance(20 * time.Second)
		frame.Step = i + 1
		if err := l.Update(frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Done(); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Contains(text, "well") || !strings.Contains(text, "all is lost") {
		t.Errorf("it wrote %q", text)
	}
	for _, name := range []string{"samples-000001.png", "samples-000002.png", "samples-000003.png"} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if img, err := png.Decode(file); err != nil || img.Bounds() != picture.Bounds() {
			t.Errorf("%s: %v", name, err)
		}
		file.Close()
	}
}
