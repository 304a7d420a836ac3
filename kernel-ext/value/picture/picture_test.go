package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"gantry.local/kernel-ext/value"
)

func decoded(t *testing.T, b value.Bundle) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b["image/png"]))
	if err != nil {
		t.Fatalf("%v: %s", err, b["text/plain"])
	}
	return img
}

// TestForm wants images as pictures, alone and as a grid, and no picture of what has no pixels.
func TestForm(t *testing.T) {
	o := value.Options{Forms: []value.Form{Form}}
	gray := image.NewGray(image.Rect(5, 5, 8, 7))
	gray.SetGray(5, 5, color.Gray{200})
	b := o.Bundle(gray)
	if got := decoded(t, b); got.Bounds().Size() != image.Pt(3, 2) || color.GrayModel.Convert(got.At(0, 0)) != (color.Gray{200}) {
		t.Errorf("%v with %v", got.Bounds(), got.At(0, 0))
	}
	if text := string(b["text/plain"]); text != "*image.Gray of (3,2)" || b["text/html"] != nil {
		t.Errorf("%q", text)
	}
	for _, v := range []any{[]image.Image{gray, nil, gray}, []*image.Gray{gray, nil, gray}, [3]image.Image{gray, (*image.RGBA)(nil), gray}} {
		b := o.Bundle(v)
		got := decoded(t, b)
		if got.Bounds().Size() != image.Pt(3*6+2*gap, 4) {
			t.Errorf("%T is a picture of %v", v, got.Bounds())
		}
		for at, want := range map[image.Point]uint32{{}: 0xffff, {X: 6}: 0, {X: 8}: 0, {X: 16}: 0xffff} {
			if _, _, _, alpha := got.At(at.X, at.Y).RGBA(); alpha != want {
				t.Errorf("%T has opacity %x at %v, want %x", v, alpha, at, want)
			}
		}
		if !strings.Contains(string(b["text/plain"]), "3 images") {
			t.Errorf("%s", b["text/plain"])
		}
	}
	many := make([]image.Image, 250)
	for i := range many {
		many[i] = image.NewRGBA(image.Rect(0, 0, 300, 10))
	}
	b = o.Bundle(many)
	if got := decoded(t, b).Bounds().Size(); got != image.Pt(3*302-2, 34*12-2) || !strings.Contains(string(b["text/plain"]), "250 images (the first 100") {
		t.Errorf("%v, %s", got, b["text/plain"])
	}
	huge := image.NewUniform(color.Black) // a thousand million pixels to a side
	for want, v := range map[string]any{"too large": huge, "(0,0)": image.NewGray(image.Rectangle{}), "1 image": []image.Image{huge}, "<nil>": (*image.RGBA)(nil), "5": 5, "[]": []image.Image{}} {
		if b := o.Bundle(v); !strings.Contains(string(b["text/plain"]), want) || b["image/png"] != nil {
			t.Errorf("%T is %q", v, b["text/plain"])
		}
	}
}
