package study_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/study"
)

// TestStudies runs every study with next to no training: what is tested is that each measures what its table says, not
// how good anything became.
func TestStudies(t *testing.T) {
	pictures := t.TempDir()
	for name, c := range map[string]struct {
		options study.Options
		rows    []string // first cells
		files   []string
	}{
		"ring":    {study.Options{Seeds: 2, Steps: 10, Samples: 100, Recipes: []string{"toy", "toy-packed"}}, []string{"toy", "toy-packed"}, nil},
		"grid":    {study.Options{Seeds: 1, Steps: 10, Samples: 100, Recipes: []string{"toy-r1r2"}}, []string{"toy-r1r2"}, nil},
		"packing": {study.Options{Steps: 10, Samples: 100, Recipes: []string{"5 critic updates"}}, []string{"5 critic updates"}, nil},
		"stacked": {study.Options{Steps: 1, Limit: time.Hour, Seeds: 2, Samples: 200, Recipes: []string{"stacked-r1"}},
			[]string{"stacked-r1"}, []string{"stacked-r1.png"}},
		"recipes": {study.Options{Seeds: 1, Steps: 1, Samples: 40, Recipes: []string{"mlp", "toy", "phrases"}}, []string{"mlp", "toy", "phrases"}, []string{"mlp.png"}},
		"mnist":   {study.Options{Limit: time.Second, Samples: 500}, []string{"mlp", "dcgan"}, []string{"mlp.png", "dcgan.png"}},
		"rescue":  {study.Options{Limit: time.Second, Samples: 500, Recipes: []string{"article", "LeakyReLU, packed 4"}}, []string{"article", "LeakyReLU, packed 4"}, nil},
		"labels": {study.Options{Steps: 1, Limit: time.Hour, Seeds: 1, Samples: 400, Recipes: []string{"20"}},
			[]string{"20", "20", "20", "20", "20", "20", "20"}, []string{"labels-20-0.png"}},
		"compress": {study.Options{Steps: 2, Limit: time.Hour, Samples: 500}, []string{"original", "float16", "int8", "pruned 50 %", "pruned 50 %, tuned",
			"pruned 50 %, tuned, int8", "pruned 80 %", "pruned 80 %, tuned", "pruned 80 %, tuned, int8", "pruned 90 %", "pruned 90 %, tuned",
			"pruned 90 %, tuned, int8"}, nil},
		"kinds": {study.Options{Steps: 1, Samples: 200, Recipes: []string{"infogan", "bigan", "cyclegan"}}, []string{"infogan", "bigan", "cyclegan"},
			[]string{"infogan.png", "bigan.png", "cyclegan.png"}},
		"stream": {study.Options{Steps: 2, Samples: 640}, []string{"read and decoded, in the first epoch", "read as they were decoded before"}, nil},
		"restore": {study.Options{Steps: 2, Limit: time.Second, Samples: 20, Recipes: []string{"14×14 to 28×28"}}, []string{"14×14 to 28×28"},
			[]string{"restore 14×14 to 28×28.png"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := study.Named(name)
			if err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			c.options.Log, c.options.Out = &log, pictures
			table, err := s.Run(t.Context(), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if len(table.Rows) != len(c.rows) {
				t.Fatalf("%d rows, want %d:\n%v", len(table.Rows), len(c.rows), table)
			}
			for i, row := range table.Rows {
				if row[0] != c.rows[i] || len(row) != len(table.Columns) {
					t.Errorf("row %d is %q, want %q and %d cells", i, row, c.rows[i], len(table.Columns))
				}
				number, _, _ := strings.Cut(strings.TrimPrefix(row[1], "+"), " ")
				if _, err := strconv.ParseFloat(number, 64); err != nil {
					t.Errorf("row %d: %q is no number", i, row[1])
				}
			}
			if log.Len() == 0 {
				t.Error("nothing was said on the way")
			}
			for _, file := range c.files {
				if info, err := os.Stat(filepath.Join(pictures, file)); err != nil || info.Size() < 100 {
					t.Errorf("picture %s: %v", file, err)
				}
			}
		})
	}
}

// TestRepeats wants a study of steps to give the same table twice, but for its seconds.
func TestRepeats(t *testing.T) {
	s, err := study.Named("ring")
	if err != nil {
		t.Fatal(err)
	}
	run := func() []string {
		table, err := s.Run(t.Context(), study.Options{Seeds: 1, Steps: 20, Recipes: []string{"toy"}, Log: io.Discard})
		if err != nil {
			t.Fatal(err)
		}
		return table.Rows[0][:4]
	}
	first, second := run(), run()
	if strings.Join(first, "|") != strings.Join(second, "|") {
		t.Errorf("the same study gives %q and %q", first, second)
	}
}

func TestErrors(t *testing.T) {
	if _, err := study.Named("rings"); err == nil || !strings.Contains(err.Error(), `unknown study "rings": use one of ring, grid`) {
		t.Errorf("an unknown study: %v", err)
	}
	ring, _ := study.Named("ring")
	if _, err := ring.Run(t.Context(), study.Options{Backend: "tpu", Log: io.Discard}); err == nil || !strings.Contains(err.Error(), "tpu") {
		t.Errorf("an unknown backend: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ring.Run(ended, study.Options{Log: io.Discard}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted study: %v", err)
	}
	mnist, _ := study.Named("mnist")
	noTorch := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(noTorch, []byte("#!/bin/sh\necho no torch here\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := mnist.Run(t.Context(), study.Options{Peer: noTorch, Recipes: []string{"pytorch mlp"}, Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "has no PyTorch: no torch here") {
		t.Errorf("a Python without PyTorch: %v", err)
	}
}

// TestUnknownOptions wants a study to refuse what it would otherwise ignore, before it trains: an empty table is no answer.
func TestUnknownOptions(t *testing.T) {
	for _, c := range []struct {
		study   string
		options study.Options
		want    string
	}{
		{"ring", study.Options{Recipes: []string{"toy", "mlp"}}, `study ring has no row "mlp": use one of toy, toy-unrolled, toy-packed, toy-r1r2, toy-topk`},
		{"mnist", study.Options{Recipes: []string{"pytorch mlp"}}, `no row "pytorch mlp": use one of mlp, dcgan`},
		{"compress", study.Options{Recipes: []string{"mlp"}}, "study compress has no rows to choose from"},
		{"rescue", study.Options{Seeds: 2}, "study rescue makes one run of each row"},
		{"grid", study.Options{Peer: "python3"}, "study grid has no rows of peers"},
		{"mnist", study.Options{Peer: "/nowhere/python"}, "no Python /nowhere/python"},
		{"mnist", study.Options{Peer: "sh", Steps: 5}, "peers train by the clock"},
		{"ring", study.Options{Judge: "judge.safetensors"}, "study ring does not judge by features"},
		{"grid", study.Options{Steps: -1}, "cannot be negative"},
		{"grid", study.Options{Out: "study.go"}, "study.go is no folder"},
		{"grid", study.Options{Backend: "tpu"}, `unknown backend "tpu"`},
	} {
		s, err := study.Named(c.study)
		if err != nil {
			t.Fatal(err)
		}
		c.options.Log = io.Discard
		table, err := s.Run(t.Context(), c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %+v: %v and %v, want %q", c.study, c.options, table, err, c.want)
		}
	}
}

// TestTable is the form in which docs/results.md keeps tables.
func TestTable(t *testing.T) {
	table := &study.Table{Title: "T", Columns: []string{"a", "b"}, Rows: [][]string{{"1", "2"}}, Notes: []string{"N."}}
	if got, want := table.String(), "### T\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nN.\n"; got != want {
		t.Errorf("table is %q, want %q", got, want)
	}
}
