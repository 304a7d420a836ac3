package lab_test

import (
	"bytes"
	"strings"
	"testing"

	"gantry.local/gan/method"
	"gantry.local/kernel-ext/lab"
)

// TestExplore moves every slider of an explorer: the image follows, and comes back where the slider does.
func TestExplore(t *testing.T) {
	runs(t)
	r := plan{Name: "explored", Backend: "go", Pictures: true}.open(t)
	if err := r.Train(3); err != nil {
		t.Fatal(err)
	}
	n := notebook(t, "notebook")
	if err := lab.Explore(r); err != nil {
		t.Fatal(err)
	}
	within(t, "there are the image and the way from A to B", func() bool { return len(n.pictures()) == 2 })
	image := func() []byte { return n.pictures()[0] }
	path := func() []byte { return n.pictures()[1] }
	first, way := image(), path()
	changes := func(what string, from []byte) {
		t.Helper()
		within(t, what+" changes the image", func() bool { return !bytes.Equal(image(), from) })
	}
	returns := func(what string) {
		t.Helper()
		within(t, what+" back: the first image again", func() bool { return bytes.Equal(image(), first) && bytes.Equal(path(), way) })
	}
	for _, label := range []string{"z₁ +", "z₆ +"} {
		n.move("FloatSlider", label, "value", 3)
		changes(label, first)
		n.move("FloatSlider", label, "value", 0)
		returns(label)
	}
	n.choose("class", "2")
	changes("another class", first)
	n.choose("class", "0")
	returns("the class")
	n.move("FloatSlider", "truncation ψ", "value", 0.5)
	changes("truncation", first)
	n.press("reset")
	returns("reset")

	// A walk from A to B, quickly: of many positions the last counts, and the whole way stays as it is.
	for i := range 51 {
		n.move("FloatSlider", "A → B", "value", float64(i)/50)
	}
	changes("the way to B", first)
	n.press("swap")
	within(t, "swapped, B is where A was", func() bool { return bytes.Equal(image(), first) })
	n.move("FloatSlider", "A → B", "value", 0)
	n.press("swap")
	returns("swapped")
	n.choose("along", "a straight line (linear)")
	within(t, "a straight line is another way", func() bool { return !bytes.Equal(path(), way) && bytes.Equal(image(), first) })
	n.press("another A")
	changes("another seed", first)
	if _, w := n.find("Label", ""); !strings.Contains(w["value"].(string), "B is seed 2") {
		t.Errorf("the seeds are said to be %v", w["value"])
	}

	// It follows the run, and works while that trains.
	before := image()
	if err := r.TrainAlone(method.GeneratorName, 20); err != nil { // one may change no pixel by as much as a grey level
		t.Fatal(err)
	}
	changes("steps of the generator", before)
	if err := r.TrainAsync(1_000_000); err != nil {
		t.Fatal(err)
	}
	before = image()
	changes("training", before)
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	within(t, "no widget is left", func() bool { return len(n.widgets()) == 0 })
	left(t, n, 1, "run this cell again to explore explored")
}

// TestExplorePoints explores what is no picture.
func TestExplorePoints(t *testing.T) {
	runs(t)
	r := plan{Name: "points", Backend: "go"}.open(t)
	n := notebook(t, "notebook")
	if err := lab.Explore(r); err != nil {
		t.Fatal(err)
	}
	within(t, "there are two pictures", func() bool { return len(n.pictures()) == 2 })
	before := n.pictures()
	n.move("FloatSlider", "z₂ +", "value", 2)
	within(t, "they follow the slider", func() bool {
		now := n.pictures()
		return !bytes.Equal(now[0], before[0]) && !bytes.Equal(now[1], before[1])
	})
}
