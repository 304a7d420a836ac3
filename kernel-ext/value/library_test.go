package value_test

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/compress"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/lint"
	"gantry.local/gan/loss"
	"gantry.local/gan/metric"
	"gantry.local/gan/net"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/study"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/value"
	"gantry.local/kernel-ext/value/gomlx"
	"gantry.local/kernel-ext/value/picture"
)

// TestLibrary shows values of the library as a cell does, made as a cell makes them.
func TestLibrary(t *testing.T) {
	backend := gantest.Go(t)
	exp := recipe.MLP()
	exp.Data = data.Subset(exp.Data, 1000, 1)
	trainer, err := gan.NewTrainer(backend, exp)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := trainer.Sample(40, 1)
	if err != nil {
		t.Fatal(err)
	}
	images, err := exp.Data.Load()
	if err != nil {
		t.Fatal(err)
	}
	report, err := metric.Compare(points(100, 0), points(50, 0.3), metric.Options{Features: "points", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	all := exp
	all.BatchSize = 1000
	var progress train.Progress
	for p, err := range trainer.Train(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		progress = p
	}
	o := value.Options{Forms: []value.Form{picture.Form, gomlx.Form}}
	for _, test := range []struct {
		value any
		form  string // that it has besides text
		wants []string
	}{
		{exp, "text/html", []string{"mlp on mnist subset 1000 seed 1", "dense 1024→784, tanh", "1 510 288", "generator average", "the linter found nothing"}},
		{&exp, "text/html", []string{"mlp on mnist subset 1000 seed 1"}},
		{recipe.All(), "text/html", []string{"dcgan", "net.DCGAN", "relativistic paired, r1 weight 1"}},
		{exp.Data, "text/html", []string{"28×28×1", "1 000", "-1 … 1", "10 (0: "}},
		{images, "text/html", []string{"samples", "28×28×1"}},
		{samples, "image/png", []string{"40 images of 28×28×1"}},
		{report, "text/html", []string{"Fréchet distance", "95 % interval", "real"}},
		{report.Numbers[0], "", []string{"Fréchet distance", "real"}},
		{all.Check(), "text/html", []string{"batch of the whole data", "use"}},
		{exp.Check(), "", []string{"the linter found nothing"}},
		{[]lint.Finding{}, "", []string{"empty []lint.Finding"}},
		{loss.All(), "text/html", []string{"non-saturating", "wasserstein", "smoothed"}},
		{loss.Penalties(), "text/html", []string{"wgan-gp weight 10", "r1 weight 1"}},
		{loss.Hinge, "", []string{"hinge"}},
		{progress, "", []string{"0 [D: "}},
		{[]train.Progress{progress, progress}, "text/html", []string{"critic loss", "StepsPerSecond"}},
		{trainer, "text/html", []string{"trainer of mlp", "0.0667 epochs"}},
		{exp.Optimizers.Generator, "", []string{"adam rate 0.0005"}},
		{net.DCGAN{Size: 28}, "text/html", []string{"net.DCGAN{", "Size:      28"}},
		{&study.Table{Title: "times", Columns: []string{"a", "b"}, Rows: [][]string{{"1", "2"}}, Notes: []string{"made up"}}, "text/html", []string{"times", "made up"}},
		{compress.Report{{Name: "original", Bytes: 100}}, "text/html", []string{"original", "100.0 %"}},
		{lab.Table{}, "text/html", []string{"no runs"}},
		{lab.Status{Name: "first", State: lab.Paused, Step: 3}, "", []string{"first · paused · step 3"}},
		{backend, "", []string{"backend go"}},
		{data.Ring8(), "text/html", []string{"Centres", "Std"}},
	} {
		b := o.Bundle(test.value)
		for _, want := range test.wants {
			if !strings.Contains(string(b["text/plain"]), want) {
				t.Errorf("%T does not say %q:\n%s", test.value, want, b["text/plain"])
			}
		}
		if test.form != "" && len(b[test.form]) == 0 {
			t.Errorf("%T has no %s, only\n%s", test.value, test.form, b["text/plain"])
		}
		if test.form == "" && len(b) != 1 {
			t.Errorf("%T has more than text: %s", test.value, b.JSON())
		}
		for d := xml.NewDecoder(strings.NewReader("<div>" + string(b["text/html"]) + "</div>")); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%T: HTML is not well-formed: %v\n%s", test.value, err, b["text/html"])
				break
			}
		}
	}
	if b := o.Bundle(sample.Images{Values: []float32{float32(math.NaN())}, N: 1, Height: 1, Width: 1, Channels: 1}); !strings.Contains(string(b["text/plain"]), "no finite number") {
		t.Errorf("%s", b["text/plain"])
	}
}

// points are n features of two components around (shift, 0).
func points(n int, shift float32) metric.Features {
	f := metric.Features{N: n, D: 2}
	for i := range n {
		sin, cos := math.Sincos(float64(i) * float64(i))
		f.Values = append(f.Values, float32(sin)+shift, float32(cos))
	}
	return f
}
