package metric_test

import (
	"testing"

	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
)

// sets are the data sets that have a classifier, and are on this machine.
func sets(b *testing.B) []data.Set {
	b.Helper()
	if _, err := data.FashionMNIST().Load(); err != nil {
		b.Logf("not measured: %v", err)
		return []data.Set{data.MNIST()}
	}
	return []data.Set{data.MNIST(), data.FashionMNIST()}
}

// BenchmarkFeatures extracts features of 10 000 images.
func BenchmarkFeatures(b *testing.B) {
	extractor, images := open(b, metric.MNIST1), drawn(b, data.MNIST(), 0, 10_000)
	for b.Loop() {
		features(b, extractor, images)
	}
}

// BenchmarkFrechet evaluates one distance of 10 000 images, features of both sides included. The images are real too, so
// the distance it reports is the floor for 10 000 samples.
func BenchmarkFrechet(b *testing.B) {
	for _, set := range sets(b) {
		b.Run(set.Name, func(b *testing.B) {
			extractor := open(b, metric.NameFor(set.Name))
			real, other := drawn(b, set, 0, 10_000), drawn(b, set, 10_000, 10_000)
			for b.Loop() {
				distance, err := metric.Frechet(features(b, extractor, real), features(b, extractor, other))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(distance, "distance")
			}
		})
	}
}

// BenchmarkCompare makes the whole report of 10 000 images against 20 000, features not included, and prints it.
func BenchmarkCompare(b *testing.B) {
	for _, set := range sets(b) {
		b.Run(set.Name, func(b *testing.B) {
			extractor := open(b, metric.NameFor(set.Name))
			real, other := features(b, extractor, drawn(b, set, 10_000, 20_000)), features(b, extractor, drawn(b, set, 0, 10_000))
			var report metric.Report
			for b.Loop() {
				var err error
				if report, err = metric.Compare(real, other, metric.Options{Features: extractor.Name()}); err != nil {
					b.Fatal(err)
				}
			}
			b.Logf("\n%s", report)
		})
	}
}

// BenchmarkMonitor looks at 100 samples, with a classifier and without.
func BenchmarkMonitor(b *testing.B) {
	for name, labeller := range map[string]metric.Labeller{"classifier": open(b, metric.MNIST1), "pixels": nil} {
		b.Run(name, func(b *testing.B) {
			monitor, err := metric.NewMonitor(drawn(b, data.MNIST(), 0, 400), labeller)
			if err != nil {
				b.Fatal(err)
			}
			samples := drawn(b, data.MNIST(), 1000, 100)
			for b.Loop() {
				if _, err := monitor.Look(samples, metric.Vitals{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func open(t testing.TB, name string) *metric.Classifier {
	t.Helper()
	extractor, err := metric.Open(gantest.XLA(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return extractor
}

func features(t testing.TB, extractor metric.Extractor, images sample.Images) metric.Features {
	t.Helper()
	f, err := extractor.Features(images)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// drawn returns n images of a set in random order, from place first on.
func drawn(t testing.TB, set data.Set, first, n int) sample.Images {
	t.Helper()
	images, err := data.Subset(set, 30_000, 1).Load()
	if err != nil {
		t.Fatal(err)
	}
	return images.Part(first, n).Seen()
}
