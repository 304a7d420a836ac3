package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gantry.local/gan/method"
	"gantry.local/gan/train"
)

// TestHistoryKeepsNames wants a history to give back what steps reported by name, what they did not report as missing, and which
// network moved; and one that is opened with more columns to keep what it has.
func TestHistoryKeepsNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), HistoryFile)
	h, err := OpenHistory(path, Columns{Numbers: []string{"critic loss", "penalty"}, Networks: []string{"critic", "mapping"}})
	if err != nil {
		t.Fatal(err)
	}
	add := func(m Metric) {
		t.Helper()
		if err := h.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	add(metric(1, 0.5, train.Number{Name: "critic loss", Value: 3}, train.Number{Name: "penalty"}))
	alone := metric(2, 0.75, train.Number{Name: "critic loss", Value: -1})
	alone.Alone, alone.Step = "mapping", 1
	add(alone)
	if err := h.Cut(3); err != nil { // the third was lost
		t.Fatal(err)
	}
	if err := h.Sync(); err != nil {
		t.Fatal(err)
	}
	wider := Columns{Numbers: []string{"cycle loss", "critic loss"}, Networks: []string{"mapping", "encoder"}}
	if h, err = OpenHistory(path, wider); err != nil {
		t.Fatal(err)
	}
	fourth := metric(4, 1, train.Number{Name: "cycle loss", Value: 7})
	fourth.Alone = "encoder"
	add(fourth)
	all, err := h.Metrics(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, fmt.Sprintf("%d %s %v %g %v", m.Calls, m.Alone, m.Lost, m.Seconds, m.Numbers))
	}
	want := []string{"1  false 0.5 [{critic loss 3} {penalty 0}]", "2 mapping false 0.75 [{critic loss -1}]", "3  true 0.75 []",
		"4 encoder false 1 [{cycle loss 7}]"}
	if !slices.Equal(got, want) {
		t.Errorf("the records are\n%q, want\n%q", got, want)
	}
	if at := all[1].At("penalty"); !math.IsNaN(at) {
		t.Errorf("what a step does not report is %g, want NaN", at)
	}
	if names := h.Columns().Numbers; !slices.Equal(names, []string{"critic loss", "penalty", "cycle loss"}) {
		t.Errorf("the columns are %q", names)
	}
}

// metric is a record of call n.
func metric(n int, seconds float64, numbers ...train.Number) Metric {
	return Metric{Calls: n, Seconds: seconds, Progress: train.Progress{Step: n, Numbers: numbers}}
}

// TestHistoryOfBefore wants a file without names to open with the numbers of the usual two networks, and to be gone on with.
func TestHistoryOfBefore(t *testing.T) {
	dir := t.TempDir()
	var file []byte
	put := func(fields ...float64) {
		for _, v := range fields {
			file = binary.LittleEndian.AppendUint64(file, math.Float64bits(v))
		}
	}
	put(0, 1, 0, 1, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0.5) // a step
	put(1, 1, 0, 0, 21, 0, 23, 24, 25, 26, 27, 28, 0, 0.6)   // the critic alone
	put(2, 1, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 39, 0.7)        // the generator alone
	put(3, 1, 0, 0, math.NaN(), math.NaN(), 0, 0, 0, 0, 0, 0, 0, 0.7)
	path := filepath.Join(dir, HistoryFile)
	if err := os.WriteFile(path, append(file, 1, 2, 3), 0o600); err != nil { // and one that was being written
		t.Fatal(err)
	}
	looked, err := Recorded(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := OpenHistory(path, Columns{Numbers: []string{method.CriticLoss, method.RealSign}, Networks: []string{method.GeneratorName}})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Add(metric(5, 1, train.Number{Name: method.RealSign, Value: 0.25})); err != nil {
		t.Fatal(err)
	}
	opened, err := h.Metrics(0, 5)
	if err != nil || len(opened) != 5 || len(looked) != 4 {
		t.Fatalf("there are %d records to look at and %d (%v) when it is opened, want 4, and one that was added", len(looked), len(opened), err)
	}
	for from, all := range map[string][]Metric{"looked at": looked, "opened": opened} {
		if m := all[0]; !m.EpochEnd || !m.Ordinary() || m.At(method.CriticLoss) != 11 || m.At(method.GeneratorGradient) != 19 || m.At(method.PenaltyTerm) != 13 {
			t.Errorf("%s, a step is %+v", from, m)
		}
		if m := all[1]; m.Alone != method.CriticName || m.At(method.FakeAccuracy) != 27 || m.Reports(method.GeneratorLoss) {
			t.Errorf("%s, a step of the critic is %+v", from, m)
		}
		if m := all[2]; m.Alone != method.GeneratorName || m.At(method.GeneratorLoss) != 32 || m.Reports(method.CriticLoss) {
			t.Errorf("%s, a step of the generator is %+v", from, m)
		}
		if m := all[3]; !m.Lost || m.Seconds != 0.7 || m.Reports(method.CriticLoss) {
			t.Errorf("%s, a lost step is %+v", from, m)
		}
	}
	if opened[4].At(method.RealSign) != 0.25 {
		t.Errorf("the step that was added is %+v", opened[4])
	}
}

// TestHistoryDamagedNames wants a file whose names cannot be read to be moved aside, not read as numbers.
func TestHistoryDamagedNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, HistoryFile)
	if err := os.WriteFile(path, []byte(headerMark+`{"Numbers":["critic`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Recorded(dir); err == nil {
		t.Error("half a header is read")
	}
	h, err := OpenHistory(path, Columns{Numbers: []string{"loss"}})
	if err != nil || h.N != 0 {
		t.Fatalf("it opens with %v and %v", h, err)
	}
	aside, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(aside) != 1 {
		t.Errorf("%q (%v) lie aside, want the damaged file", aside, err)
	}
	if Holds(dir) {
		t.Error("a history without records is taken for a run")
	}
}
