package show_test

import (
	"image"
	"strings"
	"testing"
	"time"

	"gantry.local/kernel-ext/show"
)

// TestDraw hands the card to a function, no more often than asked for, but at once when the note changes.
func TestDraw(t *testing.T) {
	now := time.Unix(0, 0)
	type drawn struct {
		text string
		size image.Point
		last bool
	}
	var all []drawn
	live := show.NewLive(show.LiveOptions{Title: "t", Total: 100, Every: time.Second, Now: func() time.Time { return now },
		Draw: func(card image.Image, text string, last bool) error {
			all = append(all, drawn{text, card.Bounds().Size(), last})
			return nil
		}})
	for step := range 50 {
		live.Recall(step, losses(1, 2)...)
	}
	update := func(step int, note string, want int) {
		t.Helper()
		if err := live.Update(show.Frame{Step: step, Numbers: losses(1, 2), Note: note}); err != nil {
			t.Fatal(err)
		}
		if len(all) != want {
			t.Fatalf("step %d with note %q: drawn %d times, want %d", step, note, len(all), want)
		}
	}
	update(50, "a", 1)
	now = now.Add(500 * time.Millisecond)
	update(51, "a", 1)
	update(51, "paused", 2)
	now = now.Add(1100 * time.Millisecond)
	if !live.Due() {
		t.Error("samples are not due after a second")
	}
	update(52, "paused", 3)
	live.SetTotal(200)
	now = now.Add(1100 * time.Millisecond)
	if err := live.End(show.Frame{Step: 52, Numbers: losses(1, 2), Note: "ended"}); err != nil || len(all) != 4 {
		t.Fatalf("End: drawn %d times (%v), want 4", len(all), err)
	}
	for i, d := range all {
		if d.last != (i == 3) || d.size != all[1].size {
			t.Errorf("drawing %d: last %v, size %v, want it the last if it is number 3, and all as large", i, d.last, d.size)
		}
	}
	if !strings.HasPrefix(all[3].text, "t · step 52 of 200") || !strings.HasSuffix(all[3].text, "critic 1 · generator 2 · ended") {
		t.Errorf("the last in words is %q", all[3].text)
	}
}

// TestRecall wants a curve that was recalled to be the one that was followed, and one that was forgotten to be gone.
func TestRecall(t *testing.T) {
	card := func(prepare func(*show.Live)) image.Image {
		var last image.Image
		live := show.NewLive(show.LiveOptions{Now: func() time.Time { return time.Unix(0, 0) },
			Draw: func(card image.Image, _ string, _ bool) error { last = card; return nil }})
		prepare(live)
		if err := live.Update(show.Frame{Step: 40, Numbers: losses(1, 2)}); err != nil {
			t.Fatal(err)
		}
		if err := live.Done(); err != nil {
			t.Fatal(err)
		}
		return last
	}
	recalled := card(func(l *show.Live) {
		for step := range 40 {
			l.Recall(step, losses(float64(step), 1)...)
		}
	})
	followed := card(func(l *show.Live) {
		for step := range 40 {
			if err := l.Update(show.Frame{Step: step, Numbers: losses(float64(step), 1)}); err != nil {
				t.Fatal(err)
			}
		}
	})
	empty := card(func(*show.Live) {})
	forgotten := card(func(l *show.Live) {
		l.Recall(1, losses(50, 60)...)
		l.Forget()
	})
	if !equal(recalled, followed) {
		t.Error("recalled steps are not drawn as followed ones")
	}
	if !equal(forgotten, empty) || equal(recalled, empty) {
		t.Error("forgotten steps are still drawn, or recalled ones are not")
	}
}

func losses(critic, generator float64) []show.Number {
	return []show.Number{{Name: "critic loss", Value: critic}, {Name: "generator loss", Value: generator}}
}

func equal(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}
