package data

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

func TestCSV(t *testing.T) {
	const table = "day,open,close,note\nmon,10,-1,a\ntue,20,0,b\nwed,15,1,c\nthu,30,3,d\n"
	for name, c := range map[string]struct {
		text    string
		options CSVOptions
		want    []float32
		scales  []sample.Scale
	}{
		"all numbers": {table, CSVOptions{Window: 3},
			[]float32{-1, -1, 0, -0.5, -0.5, 0, 0, -0.5, -0.5, 0, 1, 1}, []sample.Scale{scale("open", 10, 30), scale("close", -1, 3)}},
		"stride": {table, CSVOptions{Window: 2, Stride: 2},
			[]float32{-1, -1, 0, -0.5, -0.5, 0, 1, 1}, []sample.Scale{scale("open", 10, 30), scale("close", -1, 3)}},
		"one column": {table, CSVOptions{Window: 4, Columns: []string{"close"}},
			[]float32{-1, -0.5, 0, 1}, []sample.Scale{scale("close", -1, 3)}},
		"in another order": {table, CSVOptions{Window: 1, Stride: 9, Columns: []string{"close", "open"}},
			[]float32{-1, -1}, []sample.Scale{scale("close", -1, 3), scale("open", 10, 30)}},
		"no header": {"5,1\n5,2\n5,3\n", CSVOptions{Window: 3, NoHeader: true},
			[]float32{0, -1, 0, 0, 0, 1}, []sample.Scale{scale("1", 5, 5), scale("2", 1, 3)}},
		"no header, one column": {"5,1\n5,2\n", CSVOptions{Window: 2, NoHeader: true, Columns: []string{"2"}},
			[]float32{-1, 1}, []sample.Scale{scale("2", 1, 2)}},
		"spaces":             {"a , b\n1, 2\n 2 , 4\n", CSVOptions{Window: 2}, []float32{-1, -1, 1, 1}, []sample.Scale{scale("a", 1, 2), scale("b", 2, 4)}},
		"commas at the end":  {"1,,\n2,,\n", CSVOptions{Window: 2, NoHeader: true}, []float32{-1, 1}, []sample.Scale{scale("1", 1, 2)}},
		"a comma at the end": {"a,\n1,\n2,\n", CSVOptions{Window: 2}, []float32{-1, 1}, []sample.Scale{scale("a", 1, 2)}},
		"a stride of all":    {"a\n1\n2\n3\n", CSVOptions{Window: 1, Stride: math.MaxInt}, []float32{-1}, []sample.Scale{scale("a", 1, 3)}},
		"as spreadsheets write it": {"\ufeffx,y\r\n1,\"-2\"\r\n2,2e0\r\n", CSVOptions{Window: 2},
			[]float32{-1, -1, 1, 1}, []sample.Scale{scale("x", 1, 2), scale("y", -2, 2)}},
	} {
		series, err := readCSV(strings.NewReader(c.text), c.options.withDefaults(), maxTable, maxValues)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := series.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(series.Values, c.want) || !slices.Equal(series.Scales, c.scales) {
			t.Errorf("%s: %v by %v, want %v by %v", name, series.Values, series.Scales, c.want, c.scales)
		}
		if series.Height != c.options.Window || series.Width != 1 || series.Channels != len(c.scales) {
			t.Errorf("%s: %d series of %d×%d×%d", name, series.N, series.Height, series.Width, series.Channels)
		}
	}
}

// scale is one of a column.
func scale(name string, low, high float64) sample.Scale {
	return sample.Scale{Name: name, Low: low, High: high}
}

func TestUnscale(t *testing.T) {
	series, err := readCSV(strings.NewReader("a,b,c\n1,7,1e30\n3,7,-1e30\n2,7,0\n"), CSVOptions{Window: 3, Stride: 1}, 99, 99)
	if err != nil {
		t.Fatal(err)
	}
	samples := slices.Clone(series.Values)
	series.Unscale(samples)
	if want := []float32{1, 7, 1e30, 3, 7, -1e30, 2, 7, 0}; !slices.Equal(samples, want) {
		t.Errorf("back in the file's units %v, want %v", samples, want)
	}
	unscaled := []float32{0.25}
	new(sample.Images).Unscale(unscaled)
	if unscaled[0] != 0.25 {
		t.Errorf("data without scales changed to %v", unscaled)
	}
}

func TestCSVErrors(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		options CSVOptions
		want    string
	}{
		"empty":           {"", CSVOptions{}, "it is empty"},
		"header alone":    {"a,b\n", CSVOptions{}, "no data below the first line"},
		"no header":       {"1,2\n3,4\n", CSVOptions{}, "add them, or set NoHeader"},
		"no numbers":      {"a\nx\n", CSVOptions{}, "no column of numbers"},
		"unknown column":  {"a,b\n1,2\n", CSVOptions{Columns: []string{"c"}}, `no column "c": there are "a", "b"`},
		"no first number": {"a,b\n1,\n2,3\n", CSVOptions{}, `line 2, column "b": "" is not a finite number`},
		"first NaN":       {"a,b\n1,NaN\n2,3\n", CSVOptions{}, `line 2, column "b": "NaN" is not a finite number`},
		"first Inf":       {"a,b\n-inf,1\n2,3\n", CSVOptions{}, `line 2, column "a": "-inf" is not a finite number`},
		"first too large": {"a,b\n1e400,1\n2,3\n", CSVOptions{}, `line 2, column "a": "1e400" is not a finite number`},
		"UTF-16":          {"\xff\xfea\x00\n\x001\x00\n\x00", CSVOptions{}, "it is not UTF-8"},
		"a long row":      {"a\n" + strings.Repeat("1", maxRow+5000), CSVOptions{}, "row 2 is longer than 1048576 bytes"},
		"long rows":       {"a,b\n" + strings.Repeat("1,"+strings.Repeat("x", maxRow/2)+"\n", 3) + "\"\n", CSVOptions{}, `parse error on line 5`},
		"a hole":          {"a,b\n1,2\n3,\n", CSVOptions{}, `line 3, column "b": "" is not a finite number`},
		"not a number":    {"a\n1\n2\nNaN\n", CSVOptions{}, `line 4, column "a": "NaN" is not a finite number`},
		"infinite":        {"a\n1\n1e40\n", CSVOptions{}, `line 3, column "a": "1e40" is not a finite number`},
		"chosen words":    {"a,b\nx,2\n", CSVOptions{Columns: []string{"a"}}, `line 2, column "a": "x" is not a finite number`},
		"ragged":          {"a,b\n1,2\n3\n", CSVOptions{}, "record on line 3: wrong number of fields"},
		"few rows":        {"a\n1\n2\n", CSVOptions{}, "it has 2 rows, fewer than one window of 64: set a smaller Window"},
		"negative window": {"a\n1\n", CSVOptions{Window: -1}, "want at least 1"},
		"negative stride": {"a\n1\n", CSVOptions{Stride: -1}, "want at least 1"},
		"many windows":    {"a\n" + strings.Repeat("1\n", 90), CSVOptions{Window: 10}, "set a larger Stride"},
		"many numbers":    {"a\n" + strings.Repeat("1\n", 200), CSVOptions{}, "choose fewer columns"},
	} {
		_, err := readCSV(strings.NewReader(c.text), c.options.withDefaults(), 100, 100)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "x.csv")
	_, err := CSV(path, CSVOptions{}).Load()
	requireLine(t, err, path, "no such file")
	if err := os.WriteFile(path, []byte("a\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = CSV(path, CSVOptions{}).Load()
	requireLine(t, err, "CSV file "+path, "it has 1 rows")
}

// FuzzCSV wants an error or finite series in [-1, 1] that go back into the range of their columns.
func FuzzCSV(f *testing.F) {
	f.Add("a,b\n1,2\n3,4\n5,6\n", 2, 1, false)
	f.Add("1,2\n3,4\n", 1, 7, true)
	f.Add("a\n1e38\n-1e38\n", 2, 1, false)
	f.Add("a\n4e-324\n0\n", 2, 1, false)
	f.Add("\ufeffa,\"b\nc\"\r\n1,x\r\n", 1, 1, false)
	f.Add("a,b\n1\n", 1, 1, false)
	f.Add("", 0, 0, true)
	const most = 1 << 12
	f.Fuzz(func(t *testing.T, text string, window, stride int, noHeader bool) {
		options := CSVOptions{Window: window, Stride: stride, NoHeader: noHeader}
		series, err := readCSV(strings.NewReader(text), options.withDefaults(), most, most)
		if err != nil {
			return
		}
		if err := series.Check(); err != nil {
			t.Fatal(err)
		}
		if len(series.Values) > most {
			t.Errorf("%d values, want at most %d", len(series.Values), most)
		}
		back := slices.Clone(series.Values)
		series.Unscale(back)
		for i, v := range series.Values {
			if v < -1 || v > 1 {
				t.Fatalf("value %g", v)
			}
			scale := series.Scales[i%series.Channels]
			room := 1e-6 * max(math.Abs(scale.Low), math.Abs(scale.High), math.SmallestNonzeroFloat32*1e6)
			if b := float64(back[i]); b < scale.Low-room || b > scale.High+room {
				t.Fatalf("%g became %g, outside %v", v, b, scale)
			}
		}
	})
}
